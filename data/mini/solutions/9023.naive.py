"""A reading above its limit gets an x, but only if the reading in the row before was above its
limit too."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Readings"]
marked = 0
for r in range(2, 26):
    high = ws.cell(r, 3).value > ws.cell(r, 4).value
    before = r > 2 and ws.cell(r - 1, 3).value > ws.cell(r - 1, 4).value
    if high and before:
        ws.cell(r, 5).value = "x"
        marked += 1
wb.save("output.xlsx")
print("marked", marked, "rows")
