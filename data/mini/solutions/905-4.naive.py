"""Group the rows of Sales by month and write count, sum and maximum next to the months on
Totals."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws, target = wb["Sales"], wb["Totals"]
rows = list(ws.iter_rows(min_row=4, max_col=4, values_only=True))
for out in range(2, 7):
    pieces = [r[3] for r in rows if r[0] == target.cell(out, 1).value]
    for column, value in enumerate((len(pieces), sum(pieces), max(pieces)), start=2):
        target.cell(out, column).value = value
wb.save("output.xlsx")
print(len(rows), "rows grouped into 5 months")
