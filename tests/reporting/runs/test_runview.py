"""Run folders are read whole or in part; what cannot be used is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from react_agent.errors import ContractError
from react_agent.runs.folder import CaseResult
from react_agent.runs.logs import read_log
from react_agent.runs.verdicts import CaseVerdict, Evaluation, TaskVerdict, summarize
from reporting.runs.runview import RunView, load_runs


def case(task: str, **fields: Any) -> dict[str, Any]:
    base = {"id": task, "input_file": f"1_{task}_init.xlsx", "status": "completed", "success": True}
    return CaseResult.model_validate({**base, **fields}).model_dump()


def make_run(root: Path, tasks: tuple[str, ...] = ("1", "2"), seed: str = "") -> Path:
    outputs = root / "outputs" / seed
    outputs.mkdir(parents=True)
    settings = {"agent": "cli_only", "model": {"model": "m", "source": "replay"}, "seed": 7}
    session = {"environment": {"data_path": "data/x"}, "seconds": 1.0}
    record = {"settings": settings, "sessions": [session]}
    (outputs / "run.json").write_text(json.dumps(record))
    lines = [json.dumps(case(task)) for task in tasks]
    (outputs / "results.jsonl").write_text("\n".join(lines) + "\n")
    instances = [{"id": task, "instruction": f"do {task}"} for task in tasks]
    (outputs / "results.json").write_text(json.dumps({"model": "m", "results": instances}))
    verdicts = [
        TaskVerdict.of(t, "", [CaseVerdict(gt_file="g", output_file="o", passed=t == "1")])
        for t in tasks
    ]
    evaluation = Evaluation(summary=summarize(verdicts), results=tuple(verdicts))
    (outputs / "eval_official_results.json").write_text(json.dumps(evaluation.to_json()))
    logs = root / "logs" / seed
    logs.mkdir(parents=True)
    for task in tasks:
        name = f"cli_only_agent_{task}_{'SUCCEED' if task == '1' else 'FAILED'}.md"
        (logs / name).write_text("# t\n\n## [1] SYSTEM\n\nhello\n\n## RESULT\n\n- turns: 1\n")
    return root


@pytest.mark.parametrize("place", ["", "outputs", "outputs/eval_official_results.json"])
def test_a_run_is_the_same_by_any_of_its_names(tmp_path: Path, place: str) -> None:
    view = RunView.load(make_run(tmp_path) / place)
    assert (view.model, view.seed, view.agent, view.recorded) == ("m", 7, "cli_only", True)
    assert view.data_path == Path("data/x")
    assert view.task_ids == ("1", "2")
    assert view.verdicts["1"].success
    assert not view.verdicts["2"].success
    assert view.instructions["2"] == "do 2"
    file = view.log_file("2", "1_2_init.xlsx")
    assert file is not None
    assert read_log(file).messages[0].content == "hello"
    assert view.problems == ()


def test_every_seed_is_a_run(tmp_path: Path) -> None:
    for seed in ("seed_41", "seed_42"):
        make_run(tmp_path, seed=seed)
    views = load_runs(tmp_path)
    assert [view.layout.seed_folder for view in views] == ["seed_41", "seed_42"]
    assert all(len(view.logs) == 2 and len(view.cases) == 2 for view in views)
    assert all(view.layout.root == tmp_path for view in views)


def test_the_latest_line_of_a_case_counts_and_damaged_lines_are_named(tmp_path: Path) -> None:
    make_run(tmp_path)
    with (tmp_path / "outputs" / "results.jsonl").open("a") as file:
        file.write(json.dumps(case("1", turns=9)) + '\n{"id": 3}\n')
        file.write(json.dumps({**case("5"), "seconds": float("nan")}) + '\n{"id": "4", "inp')
    view = RunView.load(tmp_path)
    assert [(c.id, c.turns) for c in view.cases] == [("2", 0), ("1", 9)]
    assert [problem.reason for problem in view.problems] == [
        "line 4, field id: Input should be a valid string",
        "line 5, field seconds: Input should be a finite number",
        "line 6 is torn: the case is still owed",
    ]


FOREIGN = '{"settings": {}, "sessions": [{"environment": {"data_path": {}}}]}'


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"settings": 1, "sessions": 2}', FOREIGN, None]
)
@pytest.mark.parametrize(
    "name", ["run.json", "results.json", "eval_official_results.json", "results.jsonl"]
)
def test_any_file_may_be_damaged(tmp_path: Path, name: str, content: str | None) -> None:
    make_run(tmp_path)
    file = tmp_path / "outputs" / name
    file.unlink()
    if content is not None:
        file.write_text(content)
    view = RunView.load(tmp_path)
    assert view.task_ids == ("1", "2")
    assert view.data_path is None or name != "run.json"
    foreign_but_json = content is not None and content.startswith('{"') and name.endswith(".json")
    empty_lines = content == "" and name == "results.jsonl"
    if not empty_lines and not (foreign_but_json and not name.startswith("eval")):
        assert [p.file for p in view.problems] == [str(file)]


def test_without_logs_or_records_there_is_still_a_view(tmp_path: Path) -> None:
    make_run(tmp_path)
    shutil.rmtree(tmp_path / "logs")
    (tmp_path / "error_analysis_parsed.json").write_text("[1]")
    view = RunView.load(tmp_path)
    assert view.log_file("1") is None
    assert view.records == {}
    assert "record 1" in view.problems[0].reason


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such run folder"):
        RunView.load(tmp_path / "nowhere")
