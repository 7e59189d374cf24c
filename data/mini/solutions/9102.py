"""Share is the department's spending over the total in B12, used is spending over its own budget
with a text where that is zero."""

import openpyxl

wb = openpyxl.load_workbook("input.xlsx")
ws = wb["Budget"]
for r in range(4, 12):
    ws[f"D{r}"] = f"=B{r}/B$12"
    ws[f"E{r}"] = f'=IF(C{r}=0,"no budget",B{r}/C{r})'
    ws[f"D{r}"].number_format = ws[f"E{r}"].number_format = "0.0%"
wb.save("output.xlsx")
print("formulas written for rows 4 to 11")
