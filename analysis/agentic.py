"""From the flags of the agentic error analysis to its queue of cases."""

import argparse
import asyncio
import os
from typing import Any

from analysis.error_analyst import ErrorAnalyst
from analysis.flags import described, finish, forget, run_masks, run_settings
from analysis.judge import Judge
from analysis.outcomes import open_run
from analysis.records import RECORD_FILES
from analysis.running import AnalysisRun
from analysis.selection import Selection, select
from react_agent.cli import case_limit
from react_agent.connect import connect
from react_agent.errors import ContractError
from react_agent.lock import only_start
from react_agent.sandbox import Sandbox, open_sandbox
from spreadsheetbench.dataset import Dataset
from spreadsheetbench.workers import Workers

CHECKERS = 2
"""Processes that read workbooks; more would only share the same cores with the tools."""


async def analyse_failures(args: argparse.Namespace) -> int:
    """Raises ContractError before any model is asked when flags or folders do not fit."""
    dataset = Dataset.load(args.data_path)
    selection = select(
        args.logs_dir,
        "FAILED",
        repeat=args.repeat,
        instance_ids=args.instance_ids,
        sample=args.sample,
        seed=args.seed,
    )
    _check_folders(args, selection, dataset)
    slots = asyncio.Semaphore(args.tool_slots or 2 * (os.cpu_count() or 1))
    sandbox = open_sandbox(args.sandbox, slots=slots)
    if args.gate == "replay" and sandbox.kind == "none":
        raise ContractError("--gate replay needs a sandbox: without one the gold is within reach")
    output_dir = args.output_dir.resolve()
    parsed = args.parsed_output or args.output_dir / RECORD_FILES["error"]
    masks = {"<analysis>": str(output_dir), **run_masks(args.logs_dir)}
    async with connect(args, masks=masks) as connection:
        model_settings, _ = described(connection)
        settings = _settings(args, model_settings, sandbox, dataset)
        with only_start(output_dir), Workers(min(CHECKERS, os.cpu_count() or 1)) as workers:
            if args.overwrite:
                forget(output_dir)
            open_run(output_dir, settings, overwrite=args.overwrite)
            analyst = ErrorAnalyst(
                model=connection.model(seed=args.seed),
                model_name=str(model_settings["model"]),
                output_dir=output_dir,
                work_dir=args.work_dir,
                dataset=dataset,
                sandbox=sandbox,
                judge=Judge(workers),
                mode=args.gate,
                max_turns=args.max_turns,
                seconds=args.case_timeout,
                hide=(dataset.root, args.logs_dir, args.work_dir, output_dir),
            )
            run = AnalysisRun(analyst, selection, parsed, args.workers)
            summary = await run.run()
    return finish(summary, args.output_dir, parsed)


def _check_folders(args: argparse.Namespace, selection: Selection, dataset: Dataset) -> None:
    """A wrong folder fails every case alike, so it is said before the first one is paid for."""
    from analysis.evidence import case_of, work_folder

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


def _settings(
    args: argparse.Namespace, model: dict[str, Any], sandbox: Sandbox, dataset: Dataset
) -> dict[str, Any]:
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
