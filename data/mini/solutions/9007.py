"""I carry the balance through the rows in Python and leave the week lines empty; they have neither
an amount in nor out."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Cash box"]
balance = ws["E5"].value
for r in range(6, 22):
    into, out = ws.cell(r, 3).value, ws.cell(r, 4).value
    if into is None and out is None:
        continue
    balance = round(balance + (into or 0) - (out or 0), 2)
    ws.cell(r, 5).value = balance
    ws.cell(r, 5).number_format = "#,##0.00"
wb.save("output.xlsx")
print("closing balance", balance)
