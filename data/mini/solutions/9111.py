"""EOMONTH with one month ahead gives the last day of the following month. Rows without a date get
no formula."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Invoices"]
written = 0
for r in range(5, 21):
    if ws.cell(r, 2).value is not None:
        ws[f"D{r}"] = f"=EOMONTH(B{r},1)"
        ws[f"D{r}"].number_format = ws[f"B{r}"].number_format
        written += 1
wb.save("output.xlsx")
print("formulas written:", written)
