"""What of a workbook is compared: positions, cells, and the rules for both."""
