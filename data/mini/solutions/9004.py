"""The orders hold numbers and the list holds text, so both sides become text for the comparison.
The prices themselves stay numbers."""

import openpyxl


def norm(value):
    return str(value).strip()


wb = openpyxl.load_workbook("input.xlsx")
articles = wb["Articles"]
prices = {norm(articles.cell(r, 1).value): articles.cell(r, 3).value for r in range(2, 16)}
ws = wb["Orders"]
found = 0
for r in range(5, 21):
    number = norm(ws.cell(r, 2).value)
    found += number in prices
    ws.cell(r, 4).value = prices.get(number, "not listed")
    ws.cell(r, 4).number_format = "#,##0.00"
wb.save("output.xlsx")
print("found", found, "of 16")
