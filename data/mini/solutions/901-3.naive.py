"""I go through the rows and delete each one whose status is cancelled."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Orders"]
deleted = 0
for r in range(5, ws.max_row + 1):
    if str(ws.cell(r, 6).value).strip().lower() == "cancelled":
        ws.delete_rows(r)
        deleted += 1
wb.save("output.xlsx")
print("deleted", deleted, "rows")
