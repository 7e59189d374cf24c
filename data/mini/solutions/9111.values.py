"""openpyxl stores no value beside a formula and nothing here can recalculate, so I write the due
dates themselves, as real dates in the format of column B."""

from datetime import datetime, timedelta

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Invoices"]
for r in range(5, 21):
    day = ws.cell(r, 2).value
    if day is not None:
        year, month = divmod(day.year * 12 + day.month + 1, 12)
        ws.cell(r, 4).value = datetime(year, month + 1, 1) - timedelta(days=1)
        ws.cell(r, 4).number_format = ws.cell(r, 2).number_format
wb.save("output.xlsx")
print("due dates written")
