"""One start of the rollouts: from flags to runs and their cases."""

import argparse
import asyncio
import contextlib
import os
import platform
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from react_agent.connect import connect
from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.sandbox import Sandbox, open_sandbox
from react_agent.seams import Domain
from react_agent.skills import Skill, find_skill
from spreadsheet_agent.agents import AGENTS, SpreadsheetAgent, prompts_digest
from spreadsheet_agent.casequeue import CaseQueue
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheet_agent.runfolder import RunFolder
from spreadsheet_agent.runs import Run, Session
from spreadsheetbench.dataset import Dataset, SheetCase


async def run_session(args: argparse.Namespace, seeds: Sequence[int | None]) -> Session:
    """Raises ContractError before anything is run when flags, data or an earlier run do not fit."""
    dataset = Dataset.load(args.data_path)
    tasks = dataset.select(
        start=args.start_idx,
        end=args.end_idx,
        ids=args.instance_ids,
        shuffle_seed=args.shuffle_seed,
        sample=args.sample,
    )
    if not tasks:
        raise ContractError(f"{dataset.path}: the flags choose no task of {len(dataset.tasks)}")
    kind = AGENTS[args.agent]
    skill = find_skill(args.skills_dir, args.skill) if kind.with_skill else None
    base = (args.working_dir or Path(tempfile.mkdtemp(prefix="trace2skill-"))).resolve()
    masks = {"<work>": str(base)} | ({"<skill>": str(skill.root.resolve())} if skill else {})
    slots = asyncio.Semaphore(args.tool_slots or 2 * (os.cpu_count() or 1))
    sandbox = open_sandbox(args.sandbox, slots=slots)
    session = Session(tasks=[(task.id, task.instruction) for task in tasks])
    domain = SpreadsheetDomain(dataset)
    cases = _lay_out(domain, session)
    async with connect(args, masks=masks) as endpoint:
        for seed in seeds:
            model = endpoint.model(seed=seed)
            sub = [f"seed_{seed}"] if len(seeds) > 1 else []
            output_dir = args.output_dir.joinpath(*sub)
            log_dir = (args.log_dir or args.output_dir / "logs").joinpath(*sub)
            hide = [dataset.root, args.output_dir, args.log_dir or args.output_dir, base]
            harness = SpreadsheetAgent(
                kind, model, sandbox, skill=skill, max_turns=args.max_turns, hide=hide
            )
            header = {"agent_name": kind.name, "model": args.model, "seed": seed}
            folder = RunFolder(output_dir, args.results_file if not sub else None)
            described = endpoint.describe()
            address = described.pop("endpoint", None)  # a server that moved is still the same model
            settings = {
                **_settings(args, dataset, skill, sandbox),
                "model": described,
                "seed": seed,
            }
            environment = {**_environment(args), "endpoint": address, "cases": len(cases)}
            outputs = _outputs(domain, output_dir)
            folder.open(settings, environment, overwrite=args.overwrite, outputs=outputs)
            run = Run(seed, folder, base.joinpath(*sub), log_dir, harness, header)
            session.runs.append(run)
        await CaseQueue(session, domain, args, endpoint.stats).run(cases)
    return session


def _lay_out(domain: Domain[SheetCase], session: Session) -> list[SheetCase]:
    """The cases of all tasks; a task without folder or input is a problem, not a crash."""
    cases: list[SheetCase] = []
    for task_id, _ in session.tasks:
        try:
            cases += domain.cases([task_id])
        except ContractError as error:
            session.problems[task_id] = str(error)
    return cases


def _outputs(domain: SpreadsheetDomain, output_dir: Path) -> list[Path]:
    """Where the results of all tasks of the data set belong, chosen or not."""
    found: list[Path] = []
    for task in domain.dataset.tasks:
        with contextlib.suppress(ContractError):
            found += [domain.output_path(c, output_dir) for c in domain.cases([task.id])]
    return found


def _settings(
    args: argparse.Namespace, dataset: Dataset, skill: Skill | None, sandbox: Sandbox
) -> dict[str, Any]:
    """All that decides a result; a run is gone on with only while these are the same."""
    return {
        "agent": args.agent,
        "prompts": prompts_digest(),
        "skill": {"name": skill.name, "digest": skill.digest} if skill else None,
        "dataset": digest(dataset.path.read_bytes()),
        "max_turns": args.max_turns,
        "sandbox": sandbox.kind,
    }


def _environment(args: argparse.Namespace) -> dict[str, Any]:
    """What may differ between two starts of one run, but helps to explain a difference."""
    names = ("trace2skill-toolkit", "openpyxl", "pandas", "betteroffice-xlsx", "aiohttp")
    versions = {name: metadata.version(name) for name in names}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "workers": args.workers,
        "data_path": str(args.data_path),
        "skills_dir": str(args.skills_dir),
    }
