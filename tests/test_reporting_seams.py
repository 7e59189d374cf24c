"""Comparison and report know no workbook: runs of a tiny benchmark (tests/tinyqa) by an agent of
any name are compared, and their cases shown in the benchmark's own words."""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import test_seams as seams

from react_agent.runs import session
from reporting.comparing.comparison_text import terminal
from reporting.comparing.settings import Comparison
from reporting.comparing.stage import compare_runs
from reporting.page.settings import Report
from reporting.page.stage import write_report


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[Path, Path]]:
    """The second program knows the colour too."""
    with tempfile.TemporaryDirectory(prefix="seams-") as name:
        Path(name).chmod(0o755)
        folders = Path(name, "first"), Path(name, "second")
        for folder, colour in zip(folders, ("red", "blue"), strict=True):
            folder.mkdir()
            settings = seams.program(folder, "none")
            text = seams.PROGRAM.replace('"red"', f'"{colour}"')
            (folder / "agent.py").write_text(text)
            asyncio.run(session.run(settings))
            seams.verdicts_and_triage(folder)
        yield folders[0] / "run", folders[1] / "run"


def index_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="index">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    value: dict[str, Any] = json.loads(found[1])
    return value


def details_of(page: Path) -> dict[str, dict[str, Any]]:
    found = re.findall(r'id="detail-([^"]+)">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return {key: json.loads(text) for key, text in found}


def test_text_answers_are_compared(runs: tuple[Path, Path]) -> None:
    compared = compare_runs(Comparison(baseline=runs[0], others=(runs[1],)))
    (pair,) = compared.pairs
    assert [change.id for change in pair.gained] == ["sky"]
    assert pair.lost == ()
    assert {row.error_class: (row.before, row.after) for row in pair.classes}["no_output"] == (1, 1)
    assert "cli_only" in terminal(compared)


def test_the_page_shows_what_the_benchmark_says(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = write_report(Report(runs=runs, output=tmp_path / "page.html"))
    assert page.problems == 0
    index = index_of(page.file)
    outcomes = {task["id"]: [r["outcome"] for r in task["results"]] for task in index["tasks"]}
    assert outcomes == {
        "sum": ["solved", "solved"],
        "sky": ["failed", "solved"],
        "left": ["failed", "failed"],
    }
    questions = {question for question, _ in seams.ANSWERS.values()}
    assert {task["instruction"] for task in index["tasks"]} == questions
    details = details_of(page.file)
    assert len(details) == 6
    said = {}
    for one in details.values():
        assert "grid" not in one
        said[one["task"], one["run"]] = dict(one["facts"]).get("check", "")
        assert one["steps"], "the conversation of an agent of another name"
    assert said["sky", 0].startswith("Result: FAIL")
    assert said["sky", 1].startswith("Result: PASS")
    assert said["left", 0] == ""


def test_without_its_data_a_run_is_shown_all_the_same(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    report = Report(runs=runs, output=tmp_path / "page.html", data_path=tmp_path / "gone")
    page = write_report(report)
    assert page.problems == 1
    assert [one["facts"] for one in details_of(page.file).values()] == [[]] * 6
