"""A regular expression finds two capitals, a dash and four digits."""

import re

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Calls"]
for r in range(2, 14):
    match = re.search(r"[A-Z]{2}-\d{4}", ws.cell(r, 1).value)
    ws.cell(r, 2).value = match[0] if match else None
    print(r, ws.cell(r, 1).value, "->", ws.cell(r, 2).value)
wb.save("output.xlsx")
