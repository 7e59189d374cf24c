"""The analysts: what a failed or a succeeded run teaches, as lesson records."""
