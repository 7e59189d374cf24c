"""Read the table with pandas, sort by city and date, and write the result."""

import pandas as pd

table = pd.read_excel("input.xlsx", header=4).dropna(subset=["Delivery"])
table = table.sort_values(["City", "Date"])
table.to_excel("output.xlsx", sheet_name="Deliveries", index=False)
print("sorted", len(table), "rows")
