"""Formulas saved by openpyxl have no stored value and nothing here can recalculate them, so I
compute both shares and write numbers with a percent format."""

from math import fsum

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Budget"]
total = fsum(ws.cell(r, 2).value for r in range(4, 12))
for r in range(4, 12):
    spent, budget = ws.cell(r, 2).value, ws.cell(r, 3).value
    ws.cell(r, 4).value = spent / total
    ws.cell(r, 5).value = spent / budget if budget else "no budget"
    ws[f"D{r}"].number_format = ws[f"E{r}"].number_format = "0.0%"
wb.save("output.xlsx")
print("shares written for rows 4 to 11")
