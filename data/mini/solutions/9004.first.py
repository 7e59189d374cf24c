"""I build a dictionary from the Articles sheet and look each order's article up in it."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
articles = wb["Articles"]
prices = {articles.cell(r, 1).value: articles.cell(r, 3).value for r in range(2, 16)}
ws = wb["Orders"]
found = 0
for r in range(5, 21):
    number = ws.cell(r, 2).value
    found += number in prices
    ws.cell(r, 4).value = prices.get(number, "not listed")
wb.save("output.xlsx")
print("found", found, "of 16;", "keys look like", repr(ws["B5"].value), repr(articles["A2"].value))
