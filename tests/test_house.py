"""The rooms of the house: who may use whom, and how large a module grows."""

import ast
import sys
from pathlib import Path

import pytest

from react_agent import layout

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    "react_agent",
    "spreadsheetbench",
    "spreadsheet_agent",
    "tableqa",
    "math_tasks",
    "docvqa",
    "analysis",
    "skill_evolver",
    "reporting",
    "trace2skill",
)
"""A package imports those before it only."""
MODULES = sorted(
    path
    for package in FLOORS
    for path in (ROOT / ("src" if package == "react_agent" else "") / package).rglob("*.py")
    if "skills" not in path.relative_to(ROOT).parts
)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_is_small_and_uses_the_floors_below_only(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    own = next(part for part in path.relative_to(ROOT).parts if part in FLOORS)
    above = FLOORS[FLOORS.index(own) + 1 :]
    assert not imported(path) & set(above)


def test_the_files_of_a_run_are_named_in_one_place() -> None:
    names = {v for v in vars(layout).values() if isinstance(v, str) and "." in v.strip("_")}
    names -= {layout.__name__, layout.__doc__, layout.__file__}
    assert len(names) > 12
    elsewhere = [
        (path.name, node.value)
        for path in MODULES
        if path.name != "layout.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert not elsewhere


def test_no_module_beside_the_analysis_scripts_hides_the_standard_library() -> None:
    """A script started by its path puts its own folder first."""
    names = {path.stem for path in (ROOT / "analysis").glob("*.py")}
    assert not names & set(sys.stdlib_module_names)
