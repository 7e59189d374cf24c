"""Join the words with single blanks and capitalise each of them; this is plain text, so I write the
values."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Products"]
for r in range(2, 16):
    ws.cell(r, 2).value = " ".join(str(ws.cell(r, 1).value).split()).title()
wb.save("output.xlsx")
print([ws.cell(r, 2).value for r in (2, 3, 7, 15)])
