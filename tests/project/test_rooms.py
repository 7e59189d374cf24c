"""A test stands where what it tests stands, and a file that a page names is there."""

import ast
import re
from pathlib import Path

import pytest
from project import ROOT

TESTS = ROOT / "tests"
OF_NO_PACKAGE = {"helpers", "project", "whole", "benchmarks"}
FOR_ALL_PACKAGES = {"test_house.py", "test_documents.py", "test_settings.py", "test_terminal.py"}
"""They stand at the top: rules that hold in every room."""
FILES = sorted(TESTS.rglob("test_*.py"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md"]


def test_every_room_of_tests_is_a_room_of_the_house() -> None:
    rooms = {path.parent.relative_to(TESTS) for path in FILES} - {Path()}
    rooms = {room for room in rooms if room.parts[0] not in OF_NO_PACKAGE}
    assert len(rooms) > 40
    unknown = [r for r in rooms if not any((ROOT / top / r).is_dir() for top in ("", "src"))]
    assert not unknown, "a test stands in the folder of what it tests; see CONTRIBUTING.md"


def test_only_rules_for_all_packages_stand_at_the_top() -> None:
    assert {path.name for path in TESTS.glob("test_*.py")} == FOR_ALL_PACKAGES
    assert {path.name for path in TESTS.glob("*.py")} == {"conftest.py", *FOR_ALL_PACKAGES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_two_tests_need_is_a_helper(path: Path) -> None:
    """A test that took it from another test would need that one beside it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.startswith(("test_", "conftest", "tests"))]


def test_helpers_hold_no_tests_and_have_names_of_their_own() -> None:
    helpers = [*(TESTS / "helpers").rglob("*.py")]
    assert not [path.name for path in helpers if "\ndef test_" in path.read_text(encoding="utf-8")]
    beside = {path.stem for path in (ROOT / "benchmarks").iterdir()}
    assert not beside & {path.stem for path in (TESTS / "helpers").iterdir()} - {"__pycache__"}


def test_every_script_of_the_benchmarks_is_in_their_list() -> None:
    listed = re.findall(
        r"^python benchmarks/(\w+\.py)", (ROOT / "benchmarks/README.md").read_text("utf-8"), re.M
    )
    assert {path.name for path in (ROOT / "benchmarks").glob("*.py")} == set(listed)


def test_files_that_pages_name_are_there() -> None:
    named = {
        name
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for name in re.findall(r"(?<![\w/])(?:tests|benchmarks)/[\w/.]*\w", page.read_text("utf-8"))
    }
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
