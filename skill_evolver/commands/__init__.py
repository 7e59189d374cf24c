"""The commands on an evolved skill."""
