"""From two workbooks to a verdict."""
