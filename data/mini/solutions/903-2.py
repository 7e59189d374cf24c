"""I sort only the block of data rows and write it back in place with openpyxl. Title, remarks and
the other sheet are not touched. Kind is compared without capitals, then pieces from high to low."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Stock"]
first = 5
last = next(r for r in range(first, ws.max_row + 2) if ws.cell(r, 1).value is None) - 1
rows = [[c.value for c in row] for row in ws.iter_rows(min_row=first, max_row=last, max_col=5)]
rows.sort(key=lambda row: (row[2].casefold(), -row[3]))
for r, row in enumerate(rows, start=first):
    for column, value in enumerate(row, start=1):
        ws.cell(r, column).value = value
wb.save("output.xlsx")
print("sorted rows", first, "to", last, "of", wb.sheetnames)
