"""States of a skill, tried on tasks."""
