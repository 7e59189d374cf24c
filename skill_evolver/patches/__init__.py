"""Patches: their model, how they are written, where they go, how they are applied."""
