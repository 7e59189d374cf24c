"""What became of each case, read leniently: a damaged line costs itself and is named.

Runs of the paper's released code have no results.jsonl and no run.json, only a results.json.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from react_agent.configfile import first_problem
from react_agent.layout import RunLayout
from react_agent.runs import released
from react_agent.runs.folder import CaseResult, Key


def read_results(file: Path) -> tuple[tuple[CaseResult, ...], list[str]]:
    """The latest line of each case, and what is wrong with the lines that are left out."""
    latest: dict[Key, CaseResult] = {}
    problems: list[str] = []
    try:
        data = file.read_bytes()
    except OSError as error:
        return (), [error.strerror or str(error)]
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            case = CaseResult.model_validate(json.loads(line))
        except ValidationError as error:
            problems.append(f"line {number}, field {first_problem(error, 'the whole line')}")
        except ValueError:
            problems.append(f"line {number} is torn: the case is still owed")
        else:
            latest.pop(case.key, None)
            latest[case.key] = case
    return tuple(latest.values()), problems


def of_release(layout: RunLayout) -> bool:
    ours = layout.settings.exists() or layout.lines.exists()
    return not ours and (layout.results.is_file() or layout.verdicts.is_file())


def released_results(summary: Mapping[str, Any], outputs: Path) -> Iterator[CaseResult]:
    """The cases of a released results.json; what does not fit is passed over."""
    results = summary.get("results")
    for entry in results if isinstance(results, list) else ():
        cases = entry.get("test_cases") if isinstance(entry, dict) else None
        for case in cases if isinstance(cases, list) else ():
            if isinstance(case, dict) and entry.get("id"):
                yield _case(str(entry["id"]), case, outputs)


def _case(task: str, case: Mapping[str, Any], outputs: Path) -> CaseResult:
    error, turns = str(case.get("error") or ""), case.get("turns")
    named = Path(str(case.get("output_file") or ""))
    places = (Path(task, named.name), Path(named.parent.name, named.name))
    found = next((place for place in places if (outputs / place).is_file()), None)
    return CaseResult(
        id=task,
        input_file=Path(str(case.get("input_file") or "")).name,
        output_file=str(found) if found else None,
        status=released.status_of(error),
        success=case.get("success") is True,
        error=error or None,
        agent_answer=str(case.get("agent_answer") or ""),
        turns=turns if isinstance(turns, int) else 0,
    )
