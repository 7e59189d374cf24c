"""What is exported: each trajectory, verdict, lesson and edit, as its schema says."""

import json
from pathlib import Path
from typing import Any

import pytest
from project import ROOT
from reporting_runs import World, make_world
from sessionfiles import work_day

from react_agent.errors import ContractError
from react_agent.runs.logs import find_logs, read_log
from reporting.exporting import stage
from reporting.exporting.rows import FILES
from reporting.exporting.settings import Export
from reporting.exporting.stage import MISSING, export
from reporting.runs.runview import RunView
from trace2skill.cli import main
from trace2skill.online.importing import import_sessions
from trace2skill.online.settings import SessionImport

DOCS = ROOT / "docs" / "export.md"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_log_verdict_lesson_and_edit_is_a_row(world: World, tmp_path: Path) -> None:
    skill = world.skill
    export(Export(runs=(world.first, world.second), to=tmp_path, skill=skill))
    views = [RunView.load(run) for run in (world.first, world.second)]
    logs = {str(path): read_log(path) for v in views for _, path in find_logs(v.layout.logs)}
    found = rows(tmp_path, "trajectories")
    assert {row["log_file"] for row in found} == set(logs)
    for row in found:
        said = [(m["role"], m["content"]) for m in row["messages"]]
        assert said == [(m.role, m.text) for m in logs[row["log_file"]].messages]
        solved = "_SUCCEED" in row["log_file"]
        failed = "_FAILED" in row["log_file"]
        assert row["outcome"] == ("pass" if solved else "fail" if failed else "unknown")
    assert {"pass", "fail", "unknown"} == {row["outcome"] for row in found}
    items = [i for v in views for some in v.records.values() for r in some for i in r.items]
    assert [row["title"] for row in rows(tmp_path, "lessons")] == [i.title for i in items]
    assert len(rows(tmp_path, "verdicts")) == sum(
        len(task.test_cases) for v in views for task in v.verdicts.values()
    )
    edits = {row["id"]: row for row in rows(tmp_path, "edits")}
    assert any(row["in_skill"] for row in edits.values())
    for row in edits.values():
        assert all(parent in edits for parent in row["parents"])
        assert row["support"] == len(row["runs"])


def test_a_trajectory_in_atif_has_each_step_once_and_results_with_their_calls(
    world: World, tmp_path: Path
) -> None:
    export(Export(runs=(world.first,), to=tmp_path, formats=("atif",)))
    files = sorted((tmp_path / "atif").glob("*.json"))
    assert len(files) == len(find_logs(RunView.load(world.first).layout.logs))
    calls = 0
    for file in files:
        told = json.loads(file.read_text(encoding="utf-8"))
        assert told["schema_version"] == "ATIF-v1.4"
        assert {"name", "version"} <= set(told["agent"])
        steps = told["steps"]
        assert [step["step_id"] for step in steps] == list(range(1, len(steps) + 1))
        assert told["final_metrics"]["total_steps"] == len(steps)
        for step in steps:
            assert step["source"] in ("system", "user", "agent")
            assert isinstance(step["message"], str)
            known = {call["tool_call_id"] for call in step.get("tool_calls", ())}
            results = step.get("observation", {}).get("results", ())
            assert {result["source_call_id"] for result in results} <= known
            assert not known or step["source"] == "agent"
            calls += len(results)
    assert calls


def test_parquet_says_the_same_with_types_also_when_empty(world: World, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    export(Export(runs=(world.first,), to=tmp_path, formats=("jsonl", "parquet")))
    for name, kind in FILES.items():
        table = parquet.read_table(tmp_path / f"{name}.parquet")
        assert table.schema.names == list(kind.model_fields)
        assert table.to_pylist() == rows(tmp_path, name)
    assert str(parquet.read_table(tmp_path / "trajectories.parquet").schema.field("seed").type) == (
        "int64"
    )
    assert str(
        parquet.read_table(tmp_path / "verdicts.parquet").schema.field("task_score").type
    ) == ("double")


def test_without_its_library_parquet_is_refused_before_anything_is_written(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    given = [str(world.first), "--to", str(tmp_path / "x"), "--formats", "jsonl,parquet"]
    assert main(["export", *given]) == 2
    assert MISSING in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_sessions_are_exported_with_their_signals_and_no_outcome(tmp_path: Path) -> None:
    day = work_day()
    day.write(tmp_path / "sessions")
    run = tmp_path / "run"
    import_sessions(SessionImport(output_dir=run, source=tmp_path / "sessions"))
    assert main(["export", str(run), "--to", str(tmp_path / "to")]) == 0
    (row,) = rows(tmp_path / "to", "trajectories")
    assert row["outcome"] == "unknown"
    assert any("correction" in signal for signal in row["signals"])
    (told,) = [json.loads(f.read_text()) for f in (tmp_path / "to" / "atif").glob("*.json")]
    assert told["steps"][0]["message"] == row["messages"][0]["content"]


def test_a_log_that_cannot_be_read_is_a_problem_and_costs_itself(
    world: World, tmp_path: Path
) -> None:
    before = export(Export(runs=(world.second,), to=tmp_path / "a")).rows["trajectories"]
    _, path = find_logs(RunView.load(world.second).layout.logs)[0]
    kept = path.read_bytes()
    path.write_bytes(b"\xff\xfe")
    try:
        done = export(Export(runs=(world.second,), to=tmp_path / "b"))
    finally:
        path.write_bytes(kept)
    assert done.rows["trajectories"] == before - 1
    assert str(path) in {problem.file for problem in done.problems}


def test_what_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds no run"):
        export(Export(runs=(tmp_path,), to=tmp_path / "to"))
    assert not (tmp_path / "to").exists()


def test_the_page_explains_every_field() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, kind in FILES.items():
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        named = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert named == list(kind.model_fields), name
    assert stage.ATIF in text
