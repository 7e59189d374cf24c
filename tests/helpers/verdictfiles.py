"""Small result folders, as the evaluator and the runner leave them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from react_agent.files import append_line, write_json
from react_agent.runs.folder import CaseResult
from react_agent.runs.verdicts import CaseVerdict, Evaluation, TaskVerdict, summarize
from spreadsheetbench.book.rules import RulesName
from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL

SETTINGS: dict[str, Any] = {
    "agent": "cli_only",
    "skill": None,
    "dataset": "d" * 64,
    "max_turns": 100,
    "model": {"model": "Qwen3.5-122B-A10B", "source": "live", "generation": {"temperature": 1.0}},
    "seed": None,
}


def verdict(task: str, passed: Sequence[bool], kind: str = "", upstream: bool | None = None) -> Any:
    """`passed` is one bool a test case; `upstream` is the verdict by those rules, if kept."""
    cases = [
        CaseVerdict(
            gt_file=f"{number}_{task}_golden.xlsx",
            output_file=f"{number}_{task}_output.xlsx",
            passed=right,
            passed_by_rules={} if upstream is None else {"released": right, "upstream": upstream},
        )
        for number, right in enumerate(passed, start=1)
    ]
    return TaskVerdict.of(task, kind, cases)


def kind_of(number: int) -> str:
    return SHEET_LEVEL if number % 3 == 0 else CELL_LEVEL


def write_run(
    root: Path,
    passed: str | Mapping[str, Sequence[bool]],
    *,
    settings: Mapping[str, Any] | None = None,
    infrastructure: Sequence[str] = (),
    rules: RulesName = "released",
    upstream: bool | None = None,
    data_path: str = "",
) -> Path:
    """A run folder of tasks t0, t1, ...: `passed` as "10110", or test cases by task id.

    `settings` are laid over SETTINGS; None leaves run.json out, as the released code does.
    """
    if isinstance(passed, str):
        passed = {f"t{number}": [mark == "1"] for number, mark in enumerate(passed)}
    results = [
        verdict(task, cases, kind_of(number), upstream)
        for number, (task, cases) in enumerate(passed.items())
    ]
    summary = summarize(results, rules=rules, infrastructure=infrastructure)
    outputs = root / "outputs"
    evaluation = Evaluation(summary=summary, results=tuple(results))
    write_json(outputs / "eval_official_results.json", evaluation.to_json())
    if settings is not None:
        sessions = [{"environment": {"data_path": data_path}}]
        write_json(
            outputs / "run.json", {"settings": {**SETTINGS, **settings}, "sessions": sessions}
        )
    return root


def add_line(root: Path, task: str, **fields: Any) -> None:
    line = {"input_file": f"1_{task}_input.xlsx", "status": "completed", "success": True, **fields}
    append_line(root / "outputs" / "results.jsonl", CaseResult(id=task, **line).model_dump())
