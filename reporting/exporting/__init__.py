"""Runs for other tools: rows of plain values, and trajectories as ATIF."""
