"""Sales holds a Subtotal row for each month, with the month in it: those rows would count
everything twice. I leave them out."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws, target = wb["Sales"], wb["Totals"]
rows = [r for r in ws.iter_rows(min_row=4, max_col=4, values_only=True) if r[1] != "Subtotal"]
for out in range(2, 7):
    pieces = [r[3] for r in rows if r[0] == target.cell(out, 1).value]
    for column, value in enumerate((len(pieces), sum(pieces), max(pieces)), start=2):
        target.cell(out, column).value = value
wb.save("output.xlsx")
print(len(rows), "deliveries,", sum(r[3] for r in rows), "pieces")
