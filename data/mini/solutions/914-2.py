"""Turn the block A3:G8 round and write it from A10 on; the old one stays."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Hours"]
block = [[c.value for c in row] for row in ws["A3:G8"]]
for r, row in enumerate(zip(*block, strict=True), start=10):
    for column, value in enumerate(row, start=1):
        ws.cell(r, column).value = value
wb.save("output.xlsx")
print("wrote", len(block[0]), "rows and", len(block), "columns from A10")
