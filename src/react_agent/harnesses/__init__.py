"""Agents behind the harness seam."""
