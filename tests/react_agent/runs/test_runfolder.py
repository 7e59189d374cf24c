"""A run goes on where it stopped, and never mixes with another."""

import json
from pathlib import Path
from typing import Any

import pytest

from react_agent.configfile import differences
from react_agent.errors import ContractError
from react_agent.files import digest, read_json
from react_agent.runs.folder import CaseResult, RunFolder

SETTINGS: dict[str, Any] = {"model": {"name": "m", "temperature": 0.0}, "seed": 41, "skill": None}


def opened(
    path: Path, settings: dict[str, Any] = SETTINGS, *, overwrite: bool = False
) -> RunFolder:
    folder = RunFolder(path)
    outputs = [path / f"{n}/1_{n}_output.xlsx" for n in range(1, 4)]
    folder.open(settings, {}, overwrite=overwrite, outputs=outputs)
    return folder


def finish(folder: RunFolder, task: str, **fields: Any) -> CaseResult:
    output = folder.output_dir / task / f"1_{task}_output.xlsx"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(task.encode())
    values: dict[str, Any] = {
        "output_file": f"{task}/{output.name}",
        "output_digest": digest(task.encode()),
        "status": "completed",
        "success": True,
    } | fields
    result = CaseResult(id=task, input_file=f"1_{task}_init.xlsx", **values)
    folder.add(result)
    return result


def test_a_second_start_keeps_what_is_finished(tmp_path: Path) -> None:
    first = opened(tmp_path)
    done = finish(first, "1")
    owed = finish(first, "2", status="infrastructure", success=False, output_file=None)
    second = opened(tmp_path)
    assert second.is_finished(done.key)
    assert not second.is_finished(owed.key)
    assert not second.is_finished(("3", "x"))


def test_a_case_whose_output_was_lost_or_changed_is_run_again(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    lost, changed = finish(folder, "1"), finish(folder, "2")
    (tmp_path / "1/1_1_output.xlsx").unlink()
    (tmp_path / "2/1_2_output.xlsx").write_bytes(b"other")
    assert not folder.is_finished(lost.key)
    assert not folder.is_finished(changed.key)


def test_missing_only_also_runs_what_left_no_output(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    empty = finish(folder, "1", success=False, output_file=None, output_digest="")
    assert folder.is_finished(empty.key)
    assert not folder.is_finished(empty.key, missing_only=True)


def test_other_settings_are_refused_with_the_difference(tmp_path: Path) -> None:
    finish(opened(tmp_path), "1")
    (tmp_path / "mine_output.xlsx").write_bytes(b"not of this data set")
    other = {**SETTINGS, "model": {"name": "m", "temperature": 1.0}}
    with pytest.raises(ContractError, match=r"model\.temperature: 0\.0 -> 1\.0"):
        opened(tmp_path, other)
    assert not opened(tmp_path, other, overwrite=True).results
    assert [p.name for p in tmp_path.rglob("*_output.xlsx")] == ["mine_output.xlsx"]


def test_outputs_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    (tmp_path / "2/1_2_output.xlsx").write_bytes(b"")
    with pytest.raises(ContractError, match=r"without a run\.json"):
        opened(tmp_path)


def test_lines_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    finish(opened(tmp_path), "1")
    (tmp_path / "run.json").unlink()
    (tmp_path / "1/1_1_output.xlsx").unlink()
    with pytest.raises(ContractError, match=r"without a run\.json .*results\.jsonl"):
        opened(tmp_path)


def test_changed_data_is_refused(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    result = finish(folder, "1", fingerprint="old")
    with pytest.raises(ContractError, match="data of 1 finished"):
        folder.check_fingerprints({result.key: "new"})


def test_a_torn_last_line_is_owed_and_the_next_line_is_whole(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    finish(folder, "1")
    with folder.lines_file.open("ab") as file:
        file.write(b'{"id": "2", "input')
    again = opened(tmp_path)
    finish(again, "3")
    assert {key[0] for key in opened(tmp_path).results} == {"1", "3"}


def test_what_a_killed_start_left_half_written_is_cleared(tmp_path: Path) -> None:
    finish(opened(tmp_path), "1")
    rests = [tmp_path / ".results.json.x1.tmp", tmp_path / "1" / ".taken.x2.tmp"]
    for rest in rests:
        rest.write_bytes(b"half")
    opened(tmp_path)
    assert not any(rest.exists() for rest in rests)


def test_the_summary_covers_all_cases_and_problems(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    finish(folder, "1")
    finish(folder, "2", success=False, output_file=None, error="no output workbook")
    tasks = [("2", "b"), ("1", "a"), ("9", "c")]
    summary = folder.write_summary(tasks, {"agent_name": "x"}, {"9": "no input workbook"})
    assert summary == read_json(tmp_path / "results.json")
    rows = [(r["id"], r["success"], r["error"]) for r in summary["results"]]
    assert rows == [
        ("2", False, "no output workbook"),
        ("1", True, None),
        ("9", False, "no input workbook"),
    ]
    assert (summary["total_instances"], summary["successful_instances"]) == (3, 1)


def test_a_task_is_solved_when_each_of_its_cases_left_an_output(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    first = finish(folder, "1")
    second = {"input_file": "2_1_init.xlsx", "success": False, "output_file": None}
    folder.add(first.model_copy(update=second))
    summary = folder.write_summary([("1", "a")], {}, {})
    assert (summary["success_rate"], len(summary["results"][0]["test_cases"])) == (0.0, 2)


def test_the_time_of_earlier_starts_counts(tmp_path: Path) -> None:
    opened(tmp_path)
    record = read_json(tmp_path / "run.json")
    record["sessions"][0]["seconds"] = 3600.0
    (tmp_path / "run.json").write_text(json.dumps(record))
    summary = opened(tmp_path).write_summary([], {}, {})
    assert 3600 <= summary["elapsed_seconds"] < 3700


def test_differences_name_every_setting_once() -> None:
    assert differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}, "d": None}) == [
        "b.c: 2 -> 3"
    ]
    assert differences({"skill": {"name": "x"}}, {"skill": None}) == [
        "skill: {'name': 'x'} -> None"
    ]
