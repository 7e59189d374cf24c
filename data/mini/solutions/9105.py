"""Some codes of the list end in a blank, and some of the form are numbers where the list has text.
I compare trimmed text on both sides."""

import openpyxl


def norm(value):
    return str(value).strip()


wb = openpyxl.load_workbook("input.xlsx")
codes = {norm(row[0]): row[1:] for row in wb["codes"].iter_rows(min_row=2, values_only=True)}
ws = wb["Quote"]
missing = []
for r in range(3, 19):
    code = norm(ws.cell(r, 2).value)
    if code in codes:
        ws.cell(r, 3).value, ws.cell(r, 5).value = codes[code]
        ws.cell(r, 5).number_format = "#,##0.00"
    else:
        missing.append(code)
wb.save("output.xlsx")
print("missing", missing)
