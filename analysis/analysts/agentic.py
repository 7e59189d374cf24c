"""The agentic analyst and all that it needs, set up in whatever process it works."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.analysts.error_analyst import ErrorAnalyst
from analysis.analysts.running import AnalystBench, AnalystSite, decisive
from analysis.analysts.settings import ErrorAnalysis
from analysis.evidence.case import case_of, work_folder
from analysis.lessons.selection import Selection
from react_agent.errors import ContractError
from react_agent.models.connect import Shared
from react_agent.registry import DOMAINS, find
from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.door import Sandbox, open_sandbox, tool_slots
from react_agent.seams import Domain, Reading

CHECKERS = 2
"""Processes that read what agents wrote; more would only share the same cores with the tools."""


class AgenticSite(AnalystSite[ErrorAnalysis]):
    def __init__(self, settings: ErrorAnalysis) -> None:
        super().__init__(settings)
        self.domain: Domain[Any] = find(DOMAINS, "domain", settings.domain)(
            settings.data_path, Reading(processes=min(CHECKERS, os.cpu_count() or 1))
        )
        self.output_dir = settings.output_dir.resolve()

    def with_tool_slots(self, slots: int) -> "AgenticSite":
        given = self.settings.repairing
        repairing = replace(given, tool_slots=given.tool_slots or slots)
        return AgenticSite(replace(self.settings, repairing=repairing))

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        given, how = self.settings, self.settings.repairing
        python = offered(tuple(self.domain.packages))
        sandbox = open_sandbox(how.sandbox, slots=tool_slots(how.tool_slots), python=python)
        if how.gate == "replay" and sandbox.kind == "none":
            raise ContractError(
                "--gate replay needs a sandbox: without one the truth is within reach"
            )
        async with self.model(shared) as (connection, model):
            with self.domain as domain:
                analyst = ErrorAnalyst(
                    model=connection.model(seed=given.choice.seed),
                    model_name=str(model["model"]),
                    output_dir=self.output_dir,
                    work_dir=given.work_dir,
                    domain=domain,
                    sandbox=sandbox,
                    mode=how.gate,
                    max_turns=how.max_turns,
                    seconds=how.case_timeout,
                    hide=(domain.root, given.logs_dir, given.work_dir, self.output_dir),
                )
                yield AnalystBench(
                    work=analyst.analyse,
                    settings=_decisive(given, model, sandbox),
                    stats=connection.stats,
                    analyst=analyst,
                )


def check_folders(work_dir: Path, selection: Selection, domain: Domain[Any]) -> None:
    """A wrong folder fails every case alike, so it is said before the first one is paid for.

    Raises ContractError.
    """
    if not work_dir.is_dir():
        raise ContractError(f"{work_dir}: no such folder; give the run's --working_dir")
    missing = ""
    for subject in selection.subjects:
        folder = work_folder(work_dir, subject, case_of(domain, subject))
        if folder.is_dir():
            return
        missing = folder.name
    if missing:
        raise ContractError(
            f"{work_dir}: holds no folder of the failed runs (such as {missing}); "
            "give the run's --working_dir"
        )


def _decisive(given: ErrorAnalysis, model: dict[str, Any], sandbox: Sandbox) -> dict[str, Any]:
    how = given.repairing
    # Nothing without a limit, as in analyses from before there was one.
    limit = {} if how.case_timeout is None else {"case_timeout": how.case_timeout}
    return decisive(
        "agentic error analysis",
        model,
        seed=given.choice.seed,
        gate=how.gate,
        max_turns=how.max_turns,
        sandbox=sandbox.kind,
        **limit,
    )
