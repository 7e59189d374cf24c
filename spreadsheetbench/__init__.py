"""SpreadsheetBench as a domain: its data set, its naming rules, its scoring."""
