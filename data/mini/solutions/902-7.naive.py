"""I go through the branch sheets, add up lines, pieces and revenue, and write the table to the
sheet."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
target = wb.active
target["A5"], target["B5"], target["C5"], target["D5"] = "Branch", "Lines", "Pieces", "Revenue"
out = 6
for ws in wb.worksheets[1:-1]:
    names, lines, pieces, revenue = {}, 0, 0, 0
    for row in ws.iter_rows():
        values = [cell.value for cell in row]
        if "Pieces" in values:
            names = {value: n for n, value in enumerate(values)}
        elif names and isinstance(values[names["Pieces"]], int):
            count, price = values[names["Pieces"]], values[names["Price"]]
            lines, pieces, revenue = lines + 1, pieces + count, revenue + count * price
    for column, value in enumerate((ws.title, lines, pieces, round(revenue, 2)), start=1):
        target.cell(out, column).value = value
    out += 1
wb.save("output.xlsx")
print("wrote", out - 6, "branches")
