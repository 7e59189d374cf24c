"""The whole comparison from one file."""
