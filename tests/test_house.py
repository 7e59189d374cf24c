"""The rooms of the house: who may use whom, and how large a module grows."""

import ast
import graphlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from project import ROOT

from react_agent import layout

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


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("src", "__init__"))


KNOWN = {name_of(path) for path in MODULES}


def imported(path: Path) -> set[str]:
    """Of the house, with what is imported late or for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & KNOWN or {node.module} & KNOWN
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & KNOWN
    return found - {name_of(path)}


USES = {name_of(path): imported(path) for path in MODULES}


def circles(uses: Mapping[str, set[str]]) -> list[str]:
    sorter = graphlib.TopologicalSorter(uses)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str:
    """The folder; what stands at the top of a package, where the entry scripts are, is one too."""
    return module.rpartition(".")[0] or module


def test_no_module_uses_one_that_uses_it() -> None:
    assert not circles(USES)


def test_no_room_uses_one_that_uses_it() -> None:
    between: dict[str, set[str]] = {}
    for module, used in USES.items():
        between.setdefault(room(module), set()).update({room(other) for other in used})
    assert not circles({one: others - {one} for one, others in between.items()})


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_is_small_and_uses_the_floors_below_only(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    own = FLOORS.index(name_of(path).split(".")[0])
    assert not {other for other in USES[name_of(path)] if FLOORS.index(other.split(".")[0]) > own}


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
