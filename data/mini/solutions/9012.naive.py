"""Some dates are text, so I try the usual formats one after the other until one fits."""

from datetime import datetime

import openpyxl


def as_date(value):
    if isinstance(value, datetime):
        return value
    for form in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(value.strip(), form)
        except ValueError:
            pass
    raise SystemExit(f"not a date: {value!r}")


wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Log"]
for r in range(2, 20):
    days = as_date(ws.cell(r, 3).value) - as_date(ws.cell(r, 2).value)
    ws.cell(r, 4).value = days.days
wb.save("output.xlsx")
print("days written for rows 2 to 19")
