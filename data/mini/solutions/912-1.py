"""The list belongs on the sheet Overview, which the answer position names. I read Q1 to Q4 in tab
order and skip lines with nothing ordered."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
target = wb["Overview"]
out = 2
for name in ("Q1", "Q2", "Q3", "Q4"):
    for product, ordered in wb[name].iter_rows(min_row=3, max_col=2, values_only=True):
        if product is not None and ordered:
            for column, value in enumerate((name, product, ordered), start=1):
                target.cell(out, column).value = value
            out += 1
wb.save("output.xlsx")
print("wrote", out - 2, "lines to", target.title)
