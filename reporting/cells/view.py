"""How the cases of SpreadsheetBench are shown: cells of input, output and gold side by side."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.runs.logs import Log
from react_agent.seams import Domain
from reporting.cells.cellgrid import GridJob, grids_of
from reporting.page.views import Seen, View
from reporting.runs.steps import opening
from spreadsheet_agent.domain import FILES, SpreadsheetDomain
from spreadsheetbench.book.rules import RULES, RulesName

_FIELD = re.compile(r"^(answer_position|answer_sheet):[ \t]*(.+)$", re.MULTILINE)


def asked_for(log: Log) -> dict[str, str]:
    """answer_position and answer_sheet as the prompt named them."""
    return {name: value.strip() for name, value in _FIELD.findall(opening(log)[1])}


def _job(
    domain: Domain[Any] | None, seen: Sequence[Seen], complain: Callable[[str, str], None]
) -> GridJob:
    """Input and gold are read once for all runs."""
    rules: RulesName = next((name for name in RULES if name == seen[0].rules), "released")
    job = GridJob(None, None, tuple(one.output for one in seen), "", rules=rules)
    if isinstance(domain, SpreadsheetDomain):
        job = _located(job, domain, seen[0], complain)
    for one in seen:
        given = job.input or _existing(one.work and one.work / FILES.given)
        job = replace(job, input=given, gold=job.gold or _existing(one.truth))
    if not job.position:
        asked = next((asked_for(log) for one in seen if (log := one.read_log()[0])), {})
        job = replace(job, position=asked.get("answer_position", ""))
    return job


def _located(
    job: GridJob, domain: SpreadsheetDomain, seen: Seen, complain: Callable[[str, str], None]
) -> GridJob:
    """What the data set says of the case."""
    task = domain.dataset.by_id.get(seen.task)
    if task is None:
        return job
    job = replace(job, position=task.answer_position, answer_sheet=task.answer_sheet)
    try:
        case = domain.case(seen.task, input_name=seen.input_file)
        return replace(job, input=case.input_path, gold=domain.dataset.gold(case))
    except ContractError as error:
        complain(str(domain.source), str(error))
        return job


def _existing(path: Path | None) -> Path | None:
    return path if path and path.is_file() else None


VIEW = View("grid", _job, grids_of)
