"""Columns B and C mix real dates with text in day-first order, so I parse each text with an
explicit format and fail loudly if none fits."""

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


wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Log"]
texts = 0
for r in range(2, 20):
    ordered, delivered = ws.cell(r, 2).value, ws.cell(r, 3).value
    texts += isinstance(ordered, str) + isinstance(delivered, str)
    ws.cell(r, 4).value = (as_date(delivered) - as_date(ordered)).days
wb.save("output.xlsx")
print("18 rows,", texts, "dates were text")
