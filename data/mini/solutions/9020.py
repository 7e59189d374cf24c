"""With a comma the family name comes first, without one the given name does. The names are on the
sheet List."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["List"]
for r in range(3, 15):
    name = ws.cell(r, 1).value
    if "," in name:
        family, given = (part.strip() for part in name.split(","))
    else:
        given, family = name.split()
    ws.cell(r, 2).value, ws.cell(r, 3).value = given, family
wb.save("output.xlsx")
print([(ws.cell(r, 2).value, ws.cell(r, 3).value) for r in (3, 4, 14)])
