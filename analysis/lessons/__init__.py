"""Lesson records: read, parsed from reports, kept free of answers."""
