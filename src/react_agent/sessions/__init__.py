"""Readers of sessions, and what is done to a session before anybody sees it."""
