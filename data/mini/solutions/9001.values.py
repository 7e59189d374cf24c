"""Formulas saved by openpyxl have no stored value, and there is no tool here to recalculate them. I
add the amounts up in Python and write the totals."""

from math import fsum

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Payments"]
rows = [r for r in ws.iter_rows(min_row=4, max_col=4, values_only=True) if r[3] is not None]
for row in range(4, 10):
    for column in (7, 8):
        wanted = (ws.cell(row, 6).value, ws.cell(3, column).value)
        ws.cell(row, column).value = round(fsum(r[3] for r in rows if r[1:3] == wanted), 2)
wb.save("output.xlsx")
print("totals written for", len(rows), "payments")
