"""PROVIDER: one file for each protocol that an endpoint may speak."""
