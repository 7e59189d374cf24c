"""I first decide which rows go, comparing the trimmed lower-case status with the whole word, and
then delete them from the bottom up so that no row slips past."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Orders"]
doomed = [
    r for r in range(5, ws.max_row + 1) if str(ws.cell(r, 6).value).strip().lower() == "cancelled"
]
for r in sorted(doomed, reverse=True):
    ws.delete_rows(r)
wb.save("output.xlsx")
print("deleted", len(doomed), "rows:", doomed)
