"""A skill that learns from its user's own sessions."""
