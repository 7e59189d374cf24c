"""results.jsonl read leniently: a damaged line costs itself and is named."""

import json
from pathlib import Path

from pydantic import ValidationError

from react_agent.configfile import first_problem
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
