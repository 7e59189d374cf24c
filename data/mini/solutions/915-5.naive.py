"""Add up the parcels by the name in column B, skip the empty rows, and write them from high to
low."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
totals = {}
for _, city, parcels in wb["Weeks"].iter_rows(min_row=3, max_col=3, values_only=True):
    if city is not None:
        totals[city] = totals.get(city, 0) + parcels
target = wb["Ranking"]
for r, (city, parcels) in enumerate(sorted(totals.items(), key=lambda i: -i[1]), start=2):
    target.cell(r, 1).value, target.cell(r, 2).value = city, parcels
wb.save("output.xlsx")
print(len(totals), "names ranked")
