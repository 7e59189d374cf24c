"""Caps on what is spent, and what tokens cost."""
