"""The due dates mix real dates with day-first text. I parse the text with explicit formats and
count the days to the date in B1."""

from datetime import datetime

import openpyxl


def as_date(value):
    if isinstance(value, datetime):
        return value
    for form in ("%d/%m/%Y", "%d.%m.%Y"):
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
print("20 buckets, counted up to", ws["B1"].value.date())
