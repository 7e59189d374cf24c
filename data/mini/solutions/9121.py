"""No arrival is OPEN, an arrival after the promised day is LATE, and everything else stays
empty."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Promised"]
counts = {"LATE": 0, "OPEN": 0}
for r in range(2, 22):
    promised, arrived = ws.cell(r, 2).value, ws.cell(r, 3).value
    flag = "OPEN" if arrived is None else "LATE" if arrived > promised else None
    ws.cell(r, 4).value = flag
    if flag:
        counts[flag] += 1
wb.save("output.xlsx")
print(counts)
