"""Questions about scanned pages: DocVQA."""
