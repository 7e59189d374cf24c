"""Agents that others make, each run as it comes, behind the harness seam."""
