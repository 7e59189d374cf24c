"""What shows the result of a case: the view that its domain has here, else the domain's words."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.registry import VIEWS, find
from react_agent.runs.logs import Log, read_log
from react_agent.seams import Domain
from react_agent.text import cut_middle

MAX_FACT = 20_000
"""Characters of one text that the page shows."""


@dataclass(frozen=True)
class Seen:
    """One case as one run left it."""

    task: str
    input_file: str
    output: Path | None
    work: Path | None
    """The agent's folder."""
    truth: Path | None
    """What the verdict names."""
    rules: str
    """By which the run was scored."""
    log_file: Path | None

    def read_log(self) -> tuple[Log | None, str]:
        """The log, or why there is none; read anew each time, as logs of large runs fill memory."""
        try:
            return (read_log(self.log_file), "") if self.log_file else (None, "")
        except ContractError as error:
            return None, str(error)


@dataclass(frozen=True)
class View:
    """How the cases of a domain are shown. A line of registry.VIEWS names one."""

    part: str
    """Of a trajectory's details: what the page's own script looks for."""
    job: Callable[[Domain[Any] | None, Sequence[Seen], Callable[[str, str], None]], Any]
    """What `show` is asked, for the same case in all its runs; the domain is None where its data
    is not there. The last argument takes a file that cannot be used and why."""
    show: Callable[[Any], Sequence[Any]]
    """One value for each run. Done in a limited process: files of agents may be hostile."""


def view_of(domain: str) -> View | None:
    if domain not in VIEWS:
        return None
    view: View = find(VIEWS, "view", domain)
    return view


def facts_of(domain: Domain[Any] | None, seen: Sequence[Seen]) -> list[list[list[str]]]:
    """For each: labels and texts. To be asked inside `with domain:`."""

    async def all_of() -> list[list[list[str]]]:
        return [await _facts(domain, one) for one in seen]

    return asyncio.run(all_of())


async def _facts(domain: Domain[Any] | None, seen: Seen) -> list[list[str]]:
    if domain is None:
        return []
    try:
        case = domain.case(seen.task, input_name=seen.input_file)
        facts = [[name, str(text)] for name, text in domain.asks(case).items()]
        if seen.output and seen.output.is_file():
            facts.append(["check", (await domain.check(case, seen.output)).report])
    except ContractError as error:
        return [["not known", str(error)]]
    return [[name, cut_middle(text, MAX_FACT)] for name, text in facts]
