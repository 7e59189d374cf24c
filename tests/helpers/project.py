"""Where the project is, what lies in it and beside it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "data" / "mini"
"""The bundled tasks."""
SKILLS = ROOT / "spreadsheet_agent" / "skills"
SHARED = ROOT.parent / "shared" / "data"
"""Data that is no part of the project: a test that needs it skips where it is missing."""


def clients_folder() -> str:
    """Where real clients are looked for before the PATH; `make clients` fills it."""
    return os.environ.get("TRACE2SKILL_CLIENTS") or str(ROOT / ".clients")
