"""From the flags of the agentic error analysis to its queue of cases."""

import os
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from analysis.analysts.error_analyst import ErrorAnalyst
from analysis.analysts.running import AnalystBench, run_analysis
from analysis.flags import described, finish, run_masks, run_settings
from analysis.lessons.selection import Selection, select
from react_agent.cli import case_limit, model_settings, written
from react_agent.engines.workers import Workers
from react_agent.errors import ContractError
from react_agent.layout import record_file
from react_agent.models.connect import Connection, Shared, connect
from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.door import Sandbox, open_sandbox, tool_slots
from spreadsheet_agent.domain import PACKAGES
from spreadsheetbench.evidence.judge import Judge
from spreadsheetbench.tasks.dataset import Dataset

CHECKERS = 2
"""Processes that read workbooks; more would only share the same cores with the tools."""


async def analyse_failures(args: Namespace) -> int:
    """Raises ContractError before any model is asked when flags or folders do not fit."""
    site = AgenticSite(args)
    selection = select(
        args.logs_dir,
        "FAILED",
        repeat=args.repeat,
        instance_ids=args.instance_ids,
        sample=args.sample,
        seed=args.seed,
    )
    _check_folders(args, selection, site.dataset)
    parsed = args.parsed_output or args.output_dir / record_file("error")
    summary = await run_analysis(args, site, selection, parsed, args.workers)
    return finish(summary, args.output_dir, parsed)


class AgenticSite:
    """The agentic analyst and all that it needs, from the flags; elsewhere they are read anew."""

    def __init__(self, args: Namespace) -> None:
        self.args = args
        self.dataset = Dataset.load(args.data_path)
        self.output_dir: Path = args.output_dir.resolve()

    def __reduce__(self) -> tuple[type["AgenticSite"], tuple[Namespace]]:
        return AgenticSite, (self.args,)

    @property
    def folders(self) -> Sequence[Path]:
        return (self.output_dir,)

    def with_tool_slots(self, slots: int) -> "AgenticSite":
        args = Namespace(**{**vars(self.args), "tool_slots": self.args.tool_slots or slots})
        return AgenticSite(args)

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        args = self.args
        sandbox = open_sandbox(
            args.sandbox, slots=tool_slots(args.tool_slots), python=offered(PACKAGES)
        )
        if args.gate == "replay" and sandbox.kind == "none":
            raise ContractError(
                "--gate replay needs a sandbox: without one the gold is within reach"
            )
        masks = {"<analysis>": str(self.output_dir), **run_masks(args.logs_dir)}
        async with _connect(args, masks, shared) as connection:
            described_model, _ = described(connection)
            settings = _settings(args, described_model, sandbox)
            with Workers(min(CHECKERS, os.cpu_count() or 1)) as workers:
                analyst = ErrorAnalyst(
                    model=connection.model(seed=args.seed),
                    model_name=str(described_model["model"]),
                    output_dir=self.output_dir,
                    work_dir=args.work_dir,
                    dataset=self.dataset,
                    sandbox=sandbox,
                    judge=Judge(workers),
                    mode=args.gate,
                    max_turns=args.max_turns,
                    seconds=args.case_timeout,
                    hide=(self.dataset.root, args.logs_dir, args.work_dir, self.output_dir),
                )
                yield AnalystBench(
                    work=analyst.analyse,
                    settings=settings,
                    stats=connection.stats,
                    analyst=analyst,
                )


def _connect(args: Namespace, masks: Mapping[str, str], shared: Shared | None) -> Connection:
    settings, folders, workers = model_settings(args), written(args), args.workers
    return connect(settings, workers=workers, folders=folders, masks=masks, shared=shared)


def _check_folders(args: Namespace, selection: Selection, dataset: Dataset) -> None:
    """A wrong folder fails every case alike, so it is said before the first one is paid for."""
    from analysis.evidence.case import case_of, work_folder

    if not args.work_dir.is_dir():
        raise ContractError(f"{args.work_dir}: no such folder; give the run's --working_dir")
    missing = ""
    for subject in selection.subjects:
        folder = work_folder(args.work_dir, subject, case_of(dataset, subject))
        if folder.is_dir():
            return
        missing = folder.name
    if missing:
        raise ContractError(
            f"{args.work_dir}: holds no folder of the failed runs (such as {missing}); "
            "give the run's --working_dir"
        )


def _settings(args: Namespace, model: dict[str, Any], sandbox: Sandbox) -> dict[str, Any]:
    """All that decides a report; a folder is gone on with only while these are the same."""
    return run_settings(
        "agentic error analysis",
        model,
        seed=args.seed,
        gate=args.gate,
        max_turns=args.max_turns,
        sandbox=sandbox.kind,
        **case_limit(args),
    )
