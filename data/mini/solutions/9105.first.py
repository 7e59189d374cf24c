"""I read the hidden list into a dictionary by code and fill in item and price."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
codes = {row[0]: row[1:] for row in wb["codes"].iter_rows(min_row=2, values_only=True)}
ws = wb["Quote"]
missing = []
for r in range(3, 19):
    code = ws.cell(r, 2).value
    if code in codes:
        ws.cell(r, 3).value, ws.cell(r, 5).value = codes[code]
    else:
        missing.append(code)
wb.save("output.xlsx")
print("missing", missing)
print("list", sorted(codes))
