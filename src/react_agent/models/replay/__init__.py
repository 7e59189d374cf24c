"""Replies kept and given again: cassettes and the cache."""
