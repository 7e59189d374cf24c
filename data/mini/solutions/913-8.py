"""Only the data rows are sorted and written back in place with openpyxl: heading, remark and the
sheet Depots stay as they are."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Deliveries"]
first = 6
last = next(r for r in range(first, ws.max_row + 2) if ws.cell(r, 1).value is None) - 1
rows = [[c.value for c in row] for row in ws.iter_rows(min_row=first, max_row=last, max_col=5)]
rows.sort(key=lambda row: (row[0], row[1]))
for r, row in enumerate(rows, start=first):
    for column, value in enumerate(row, start=1):
        ws.cell(r, column).value = value
wb.save("output.xlsx")
print("sorted rows", first, "to", last, "of", wb.sheetnames)
