"""Where the project is, and how a module of these folders is started as a process of its own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "data" / "mini"
SKILLS = ROOT / "spreadsheet_agent" / "skills"
PATH = {"PYTHONPATH": str(ROOT / "benchmarks")}
"""What such a process needs of its environment."""


def started(file: str, *argv: object) -> list[str]:
    """The command. -P: modules beside it may be named as those of the standard library are."""
    return [sys.executable, "-P", file, *map(str, argv)]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, **PATH, **(more or {})}
