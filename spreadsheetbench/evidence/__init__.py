"""What the workbooks of a case say without a model."""
