"""The spreadsheet agents: prompts, skills, rollouts over SpreadsheetBench and their logs."""

from pathlib import Path

SKILLS = Path(__file__).resolve().parent / "skills"
"""Those that come with the project."""
