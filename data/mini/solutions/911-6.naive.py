"""I walk down the list, remember what I have seen, and delete blank and repeated rows."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Requests"]
seen, deleted = set(), 0
for r in range(4, ws.max_row + 1):
    row = tuple(ws.cell(r, c).value for c in range(1, 5))
    if row in seen or not any(value is not None for value in row):
        ws.delete_rows(r)
        deleted += 1
    seen.add(row)
wb.save("output.xlsx")
print("deleted", deleted, "rows")
