"""I collect the lines of the four quarters, leave out the zeros, and write the list to the
workbook's sheet."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
target = wb.active
for column, name in enumerate(("Quarter", "Product", "Ordered"), start=1):
    if column == 1:
        target.unmerge_cells("A1:D1")
    target.cell(1, column).value = name
out = 2
for name in ("Q1", "Q2", "Q3", "Q4"):
    for product, ordered in wb[name].iter_rows(min_row=3, max_col=2, values_only=True):
        if product is not None and ordered:
            for column, value in enumerate((name, product, ordered), start=1):
                target.cell(out, column).value = value
            out += 1
wb.save("output.xlsx")
print("wrote", out - 2, "lines")
