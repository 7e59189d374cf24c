"""The table in F to H needs one SUMIFS per cell with two conditions, department and kind. I anchor
the ranges and write the formulas into G4:H9."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Payments"]
last = max(r for r in range(4, ws.max_row + 1) if ws.cell(r, 4).value is not None)
for row in range(4, 10):
    for letter in "GH":
        ws[f"{letter}{row}"] = (
            f"=SUMIFS($D$4:$D${last},$B$4:$B${last},$F{row},$C$4:$C${last},{letter}$3)"
        )
wb.save("output.xlsx")
print("formulas written, data rows 4 to", last)
