"""Columns A and B take the value above where they are empty, down to the last row that has a
product. A new region starts a new city as well, which is always given."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Report"]
filled = 0
for column in (1, 2):
    above = None
    for r in range(2, ws.max_row + 1):
        if ws.cell(r, 3).value is None:
            break
        if ws.cell(r, column).value is None:
            ws.cell(r, column).value = above
            filled += 1
        above = ws.cell(r, column).value
wb.save("output.xlsx")
print("filled", filled, "cells, last data row", r - 1)
