"""One number: the December total over the January total, minus one, with a percent format."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Visitors"]
january, december = (sum(ws.cell(r, c).value for c in range(2, 6)) for r in (4, 15))
ws["G4"] = december / january - 1
ws["G4"].number_format = "0.0%"
wb.save("output.xlsx")
print(january, december, round(ws["G4"].value, 4))
