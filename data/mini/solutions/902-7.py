"""The target is the sheet Summary, not the one that opens first. The branches have their columns in
different places, so I find the header row and the columns by their names on each sheet."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
target = wb["Summary"]
branches = [ws for ws in wb.worksheets if ws.title not in ("Read me", "Summary")]
for out, ws in enumerate(branches, start=2):
    for header in ws.iter_rows():
        names = {cell.value: cell.column for cell in header}
        if "Pieces" in names:
            top = header[0].row
            break
    lines = pieces = revenue = 0
    for r in range(top + 1, ws.max_row + 1):
        count, price = (ws.cell(r, names[n]).value for n in ("Pieces", "Price"))
        if isinstance(count, int):
            lines, pieces, revenue = lines + 1, pieces + count, revenue + count * price
    for column, value in enumerate((ws.title, lines, pieces, round(revenue, 2)), start=1):
        target.cell(out, column).value = value
wb.save("output.xlsx")
print("branches:", [ws.title for ws in branches])
