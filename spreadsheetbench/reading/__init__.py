"""Readers of workbooks, by name."""
