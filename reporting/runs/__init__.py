"""Run folders, read leniently."""
