"""Comparison and report know no workbook: runs of a tiny benchmark (tests/helpers/tinyqa) by an
agent of any name are compared, and their cases shown in the benchmark's own words."""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tinyruns as seams
from browser import ARGUMENTS, CHROMIUM, needs_chromium
from playwright.sync_api import expect, sync_playwright

from react_agent.runs import session
from react_agent.runs.folder import CaseResult
from react_agent.runs.verdicts import CaseVerdict
from reporting.comparing.command import Comparison, compare_runs
from reporting.comparing.comparison_text import terminal
from reporting.page.collect import verdict_on
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
    assert "first/run: command" in terminal(compared)


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


@needs_chromium
def test_a_reader_sees_the_words(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = write_report(Report(runs=runs, output=tmp_path / "page.html"))
    found = details_of(page.file)
    (key,) = (k for k, one in found.items() if (one["task"], one["run"]) == ("sky", 0))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        seen = browser.new_page()
        seen.goto(f"{page.file.as_uri()}#/task/{key}")
        expect(seen.get_by_role("heading", name="Result", exact=True)).to_be_visible()
        expect(seen.locator("pre", has_text="Result: FAIL")).to_be_visible()
        expect(seen.get_by_role("heading", name="Cells")).to_have_count(0)
        browser.close()


def test_verdicts_find_their_cases() -> None:
    """By the case they name, else by the output; cases without one have what is left."""

    def case(name: str, output: str | None) -> CaseResult:
        return CaseResult(
            id="t", input_file=f"{name}.xlsx", output_file=output, status="completed", success=True
        )

    def verdict(output: str, name: str | None = None) -> CaseVerdict:
        return CaseVerdict(gt_file="", output_file=output, passed=True, case=name)

    cases = [case("1_t", None), case("2_t", None), case("3_t", "t/c.xlsx")]
    named = [verdict("b", "2_t"), verdict("c.xlsx", "3_t"), verdict("a", "1_t")]
    assert [verdict_on(one, n, cases, named) for n, one in enumerate(cases)] == [
        named[2],
        named[0],
        named[1],
    ]
    by_output = [verdict("c.xlsx"), verdict("a"), verdict("b")]
    assert verdict_on(cases[2], 2, cases, by_output) == by_output[0]
    assert verdict_on(cases[0], 0, [cases[0], cases[2]], by_output[:2]) == by_output[1]
    assert verdict_on(cases[0], 0, cases[:2], by_output) is None
