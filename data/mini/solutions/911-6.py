"""First I list the rows to delete (blank in all columns, or seen before in all four), then I delete
from the bottom up because every deletion moves the rows below."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Requests"]
seen, doomed = set(), []
for r in range(4, ws.max_row + 1):
    row = tuple(ws.cell(r, c).value for c in range(1, 5))
    if row in seen or not any(value is not None for value in row):
        doomed.append(r)
    seen.add(row)
for r in sorted(doomed, reverse=True):
    ws.delete_rows(r)
wb.save("output.xlsx")
print("deleted rows", doomed)
