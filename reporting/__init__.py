"""What runs add up to: comparisons, tables, reports, the ledger of the paper's figures."""
