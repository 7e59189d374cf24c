"""Sorting is easiest with pandas: read the table below the title, sort by two columns, write it
out."""

import pandas as pd

table = pd.read_excel("input.xlsx", header=3)
table = table.dropna(subset=["Article"])
table["key"] = table["Kind"].str.lower()
table = table.sort_values(["key", "Pieces"], ascending=[True, False]).drop(columns="key")
table.to_excel("output.xlsx", sheet_name="Stock", index=False)
print("sorted", len(table), "rows")
