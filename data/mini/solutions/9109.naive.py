"""Dates that are text are read with whichever usual format fits. Then I count the days to B1."""

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


def bucket(days):
    if days < 0:
        return "not due"
    return "0-30" if days <= 30 else "31-60" if days <= 60 else "61-90" if days <= 90 else "over 90"


wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Open items"]
for r in range(5, 25):
    ws.cell(r, 5).value = bucket((ws["B1"].value - as_date(ws.cell(r, 3).value)).days)
wb.save("output.xlsx")
print("20 buckets written")
