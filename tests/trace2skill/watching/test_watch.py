"""The view of a run under way: from its files alone, whatever state they are in."""

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from project import ROOT

from react_agent.files import append_line, write_json
from react_agent.layout import BUDGET
from react_agent.model import Usage
from react_agent.models.spending.budget import Budget
from react_agent.models.spending.prices import Prices
from react_agent.models.spending.settings import BudgetSettings
from trace2skill.watching import watch
from trace2skill.watching.progress import look

START = datetime.now(UTC) - timedelta(minutes=10)


def case(number: int, status: str = "completed", *, success: bool = True) -> dict[str, Any]:
    return {
        "id": f"task{number}",
        "input_file": f"1_task{number}_init.xlsx",
        "status": status,
        "success": success,
        "error": None if success else "no output workbook",
        "turns": 3,
        "usage": {"calls": 3, "prompt_tokens": 1000, "completion_tokens": 500},
        "seconds": 12.5,
        "finished_at": (START + timedelta(minutes=number)).isoformat(timespec="seconds"),
    }


def make_run(folder: Path, *, total: int | None = 10, source: str = "live") -> Path:
    """Four cases ended, one of them by the network; two folders more than results."""
    outputs = folder / "outputs"
    settings = {"agent": "cli_only", "model": {"model": "m", "source": source}}
    environment = {"workers": 2} if total is None else {"workers": 2, "cases": total}
    session = {"started_at": START.isoformat(timespec="seconds"), "environment": environment}
    write_json(outputs / "run.json", {"settings": settings, "sessions": [session]})
    lines = outputs / "results.jsonl"
    append_line(lines, case(1))
    append_line(lines, case(2, "out_of_turns", success=False))
    append_line(lines, case(3, "infrastructure", success=False))
    append_line(lines, case(4))
    for number in range(1, 7):
        (folder / "work" / f"task{number}_1_task{number}_init").mkdir(parents=True)
    return folder


def shown(path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert watch.main([str(path), *flags]) == 0
    return capsys.readouterr().out


def test_a_run_under_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run")
    (one,) = look(run).runs
    assert (one.done, one.total, one.in_flight) == (3, 10, 3)  # the owed one is run again
    assert dict(one.counts) == {"output": 2, "no output": 1, "infra": 1}
    assert one.usage.prompt_tokens == 4000
    assert one.per_minute == pytest.approx(3 / 4, rel=0.05)
    assert one.minutes_left == pytest.approx(7 / 0.75, rel=0.05)
    text = shown(run, capsys, "--prices", "1000,2000")
    for words in ("3/10", "6,000", "$8.00", "infrastructure", "no output workbook", "9 min"):
        assert words in text, words
    assert "recorded" not in text


def test_replayed_runs_carry_the_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", source="replay")
    assert "recorded replies, not a measurement" in shown(run, capsys, "--once")


def test_a_whole_reproduction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cli_only_baseline", "baseline_run"):
        make_run(tmp_path / name)
    write_json(tmp_path / "state.json", {"settings": {}, "chosen": {"seed": 42}})
    verdicts = {"summary": {"fully_correct_instances": 7}}
    write_json(tmp_path / "baseline_run/outputs/eval_official_results.json", verdicts)
    for name in ("task1", "task2"):
        write_json(tmp_path / "baseline_run/error_analysis" / name / "analysis.json", {})
    write_json(tmp_path / "skill_evolution_seed_41/e/intermediates/calls/map_0001.json", {})
    budget = Budget(tmp_path / BUDGET, BudgetSettings(), Prices())
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 300}]}
    budget.settle(budget.reserve(body), Usage(calls=1, prompt_tokens=70, completion_tokens=30))
    budget.reserve(body)
    text = shown(tmp_path, capsys)
    for words in ("cli_only_baseline", "7", "error_analysis", "(calls)", "seed 42"):
        assert words in text, words
    assert "spent 2 calls, 230 tokens; 1 calls in flight or cut off" in text


@pytest.mark.parametrize("damage", ["results.jsonl", "eval_official_results.json", "results.json"])
def test_files_half_written_are_passed_over(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", total=None)
    with (run / "outputs" / damage).open("ab") as file:
        file.write(b'{"id": "torn", "us')
    assert "3/?" in shown(run, capsys)


def test_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert watch.main([str(folder)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "run.json").write_text('{"settings": 1, "sess')
    assert watch.main([str(tmp_path)]) == 2


def test_watching_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    shown(run, capsys)
    assert {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))} == before


def watching(run: Path) -> tuple[int, subprocess.Popen[bytes]]:
    terminal, other = pty.openpty()
    command = [sys.executable, "-m", "trace2skill", "watch", str(run), "--interval", "0.2"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(command, stdout=other, stderr=other, stdin=other, env=environment)
    os.close(other)
    return terminal, process


def test_on_a_terminal_it_follows_the_run_until_it_is_stopped(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    terminal, process = watching(run)
    try:
        assert "3/10" in _until(terminal, "3/10")
        append_line(run / "outputs" / "results.jsonl", case(5))
        assert "4/10" in _until(terminal, "4/10")
        process.send_signal(2)
        _until(terminal, "nothing more")
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(terminal)


def _until(terminal: int, words: str) -> str:
    text, end = "", time.monotonic() + 20
    while words not in text and time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        with contextlib.suppress(OSError):  # the other side is closed
            if data := os.read(terminal, 65536):
                text += data.decode(errors="replace")
                continue
        break
    return text


def test_a_run_says_how_many_cases_it_has(tmp_path: Path) -> None:
    """What `total` above stands on: rollouts note it at their start."""
    from spreadsheet_agent import rollouts

    cassette = tmp_path / "empty.jsonl"
    cassette.write_text(json.dumps({"cassette": 1}) + "\n")
    flags = ["--data_path", "data/mini", "--end_idx", "2", "--output_dir", str(tmp_path / "out")]
    rollouts.main([*flags, "--agent", "cli_only", "--model", "m", "--replay", str(cassette)])
    assert look(tmp_path / "out").runs[0].total == 2


def test_a_reproduction_is_told_in_stages_with_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trace2skill.reproduce.recipe import Recipe

    monkeypatch.chdir(ROOT)
    recipe = Recipe.load(Path("data/mini/reproduce.toml"))
    tasks = {"train": [f"task{n}" for n in range(10)], "test": [f"task{n}" for n in range(20, 30)]}
    settings = {**recipe.decides(), "tasks": tasks, "contents": {}}
    write_json(tmp_path / "state.json", {"settings": settings, "stopped": "in lessons: no money"})
    make_run(tmp_path / "cli_only_baseline")
    text = shown(tmp_path, capsys, "--prices", "1,2")
    assert "stage 1 of 11: no skill" in text
    assert "stopped in lessons: no money; start it again" in text
    assert "left, estimated: " in text
    before = look(tmp_path).stages
    append_line(tmp_path / "cli_only_baseline" / "outputs" / "results.jsonl", case(5))
    after = look(tmp_path).stages
    assert before
    assert after
    assert before.left.calls - after.left.calls == 20  # as many turns as the recipe allows
    (tmp_path / "state.json").write_text('{"settings": {"seeds": 3}, "st')
    assert look(tmp_path).stages is None


def test_silence_with_cases_in_flight_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run")
    assert "nothing has ended" not in shown(run, capsys)
    for name in ("run.json", "results.jsonl"):
        then = time.time() - 200
        os.utime(run / "outputs" / name, (then, then))
    assert "nothing has ended for 3 min" in shown(run, capsys)


def test_on_a_terminal_it_waits_for_a_run_and_outlives_what_it_cannot_read(tmp_path: Path) -> None:
    run = tmp_path / "run"
    terminal, process = watching(run)
    try:
        assert "waiting" in _until(terminal, "waiting")
        make_run(run)
        assert "3/10" in _until(terminal, "3/10")
        budget = run / BUDGET
        budget.mkdir()
        assert "not read just now" in _until(terminal, "not read just now")
        budget.rmdir()
        append_line(run / "outputs" / "results.jsonl", case(5))
        assert "4/10" in _until(terminal, "4/10")
    finally:
        process.kill()
        os.close(terminal)
        process.wait(10)
