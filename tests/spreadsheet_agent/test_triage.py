"""Log names follow the verdicts, however often triage runs and however verdicts change."""

from pathlib import Path

import pytest

from analysis.lessons.selection import select
from react_agent.errors import ContractError
from react_agent.runs.logs import Log, LogName, write_log
from react_agent.runs.triage import as_csv, details, summary, triage
from react_agent.runs.verdicts import CaseVerdict, Evaluation, TaskVerdict, summarize

AGENT = "cli_only_agent"


def task(name: str, *passed: bool) -> TaskVerdict:
    cases = [
        CaseVerdict(
            gt_file=f"{n}_{name}_answer.xlsx",
            output_file=f"out/{n}_{name}_output.xlsx",
            passed=good,
            message="" if good else "Value mismatch at A1",
        )
        for n, good in enumerate(passed, start=1)
    ]
    return TaskVerdict.of(name, "Cell-Level Manipulation", cases)


def evaluation(*tasks: TaskVerdict) -> Evaluation:
    return Evaluation(summary=summarize(tasks), results=tasks)


def log(folder: Path, name: str, case: str = "", status: str = "completed") -> None:
    result = {"success": True, "status": status, "turns": 3, "error": ""}
    write_log(folder, LogName(AGENT, name, case), Log((), result, "t"), "markdown")


def names(folder: Path) -> list[str]:
    return sorted(path.stem.removeprefix(f"{AGENT}_") for path in folder.iterdir())


def test_tags_are_idempotent_and_follow_a_changed_verdict(tmp_path: Path) -> None:
    for name in ("1", "CF_357"):
        log(tmp_path, name)
    for _ in range(2):
        triage(evaluation(task("1", True), task("CF_357", False)), tmp_path)
        assert names(tmp_path) == ["1_SUCCEED", "CF_357_FAILED"]
    triage(evaluation(task("1", False), task("CF_357", True)), tmp_path)
    assert names(tmp_path) == ["1_FAILED", "CF_357_SUCCEED"]


@pytest.mark.parametrize("status", ["infrastructure", "crash"])
def test_what_is_not_the_agents_doing_is_not_failed(tmp_path: Path, status: str) -> None:
    log(tmp_path, "1", status=status)
    (row,) = triage(evaluation(task("1", False)), tmp_path)
    assert row.outcome == "infrastructure"
    assert names(tmp_path) == ["1"]


def test_a_refused_run_is_neither_failed_nor_owed(tmp_path: Path) -> None:
    for name in ("1", "2"):
        log(tmp_path, name, status="refused")
    rows = triage(evaluation(task("1", False), task("2", True)), tmp_path)
    assert [row.outcome for row in rows] == ["refused", "solved"]
    assert names(tmp_path) == ["1", "2_SUCCEED"]
    assert "2 runs: 1 refused, 1 solved" in summary(rows)
    assert "solved 1 of the 1 that the agent ended" in summary(rows)
    chosen = select(tmp_path, "FAILED")
    assert [(x.reason, x.instance) for x in chosen.left_out if x.instance == "1"] == [
        ("refused", "1")
    ]


def test_each_input_of_a_task_has_its_own_verdict(tmp_path: Path) -> None:
    for n in (1, 2, 3):
        log(tmp_path, "7", case=f"{n}_7_input")
    triage(evaluation(task("7", True, False, True)), tmp_path)
    assert names(tmp_path) == ["7@1_7_input_SUCCEED", "7@2_7_input_FAILED", "7@3_7_input_SUCCEED"]


def test_a_verdict_without_a_log_is_said(tmp_path: Path) -> None:
    rows = triage(evaluation(task("1", True)), tmp_path)
    assert [row.outcome for row in rows] == ["no log"]
    assert "1 no log" in summary(rows)


def test_tables_hold_every_row(tmp_path: Path) -> None:
    log(tmp_path, "1")
    log(tmp_path, "2")
    rows = triage(evaluation(task("1", True), task("2", False)), tmp_path)
    assert "solved 1 of the 2" in summary(rows)
    assert len(details(rows).splitlines()) == 3
    assert as_csv(rows).count("\n") == 3


def test_a_missing_log_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="nowhere"):
        triage(evaluation(task("1", True)), tmp_path / "nowhere")
