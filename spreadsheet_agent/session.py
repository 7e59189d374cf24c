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

from react_agent.connect import Connection, connect
from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.lock import only_start
from react_agent.sandbox import open_sandbox
from react_agent.seams import Domain
from react_agent.skills import find_skill
from spreadsheet_agent.agents import AGENTS, SpreadsheetAgent, prompts_digest
from spreadsheet_agent.casequeue import CaseQueue
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheet_agent.runfolder import RunFolder
from spreadsheet_agent.runs import Run, Session
from spreadsheetbench.dataset import Dataset, SheetCase


async def run_session(args: argparse.Namespace, seeds: Sequence[int | None]) -> Session:
    """Raises ContractError before anything is run when flags, data or an earlier run do not fit."""
    start = _Start(args)
    async with connect(args, masks=start.masks) as endpoint:
        with contextlib.ExitStack() as locks:
            for seed in seeds:
                sub = (f"seed_{seed}",) if len(seeds) > 1 else ()
                locks.enter_context(only_start(args.output_dir.joinpath(*sub)))
                start.session.runs.append(start.run(endpoint, seed, sub))
            queue = CaseQueue(start.session, start.domain, args, endpoint.stats)
            await queue.run(start.cases)
    return start.session


class _Start:
    """What the runs of all seeds share: tasks, skill, sandbox, folders."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.dataset = Dataset.load(args.data_path)
        tasks = self.dataset.select(
            start=args.start_idx,
            end=args.end_idx,
            ids=args.instance_ids,
            shuffle_seed=args.shuffle_seed,
            sample=args.sample,
        )
        if not tasks:
            raise ContractError(
                f"{self.dataset.path}: the flags choose no task of {len(self.dataset.tasks)}"
            )
        self.kind = AGENTS[args.agent]
        self.skill = find_skill(args.skills_dir, args.skill) if self.kind.with_skill else None
        slots = asyncio.Semaphore(args.tool_slots or 2 * (os.cpu_count() or 1))
        self.sandbox = open_sandbox(args.sandbox, slots=slots)
        self.working = (args.working_dir or Path(tempfile.mkdtemp(prefix="trace2skill-"))).resolve()
        self.logs: Path = args.log_dir or args.output_dir / "logs"
        self.domain = SpreadsheetDomain(self.dataset)
        self.session = Session(tasks=[(task.id, task.instruction) for task in tasks])
        self.cases = _lay_out(self.domain, self.session)

    @property
    def masks(self) -> dict[str, str]:
        skill = {"<skill>": str(self.skill.root.resolve())} if self.skill else {}
        return {"<work>": str(self.working), **skill}

    def run(self, endpoint: Connection, seed: int | None, sub: Sequence[str]) -> Run:
        """One seed's run, its folder opened. Raises ContractError when it cannot go on."""
        args, described = self.args, endpoint.describe()
        address = described.pop("endpoint", None)  # a server that moved is still the same model
        settings = {**self._settings(), "model": described, "seed": seed}
        environment = {**_environment(args), "endpoint": address, "cases": len(self.cases)}
        output_dir = args.output_dir.joinpath(*sub)
        folder = RunFolder(output_dir, None if sub else args.results_file)
        outputs = _outputs(self.domain, output_dir)
        folder.open(settings, environment, overwrite=args.overwrite, outputs=outputs)
        harness = SpreadsheetAgent(
            self.kind,
            endpoint.model(seed=seed),
            self.sandbox,
            skill=self.skill,
            max_turns=args.max_turns,
            hide=[self.dataset.root, args.output_dir, self.logs, self.working],
        )
        header = {"agent_name": self.kind.name, "model": args.model, "seed": seed}
        working, logs = self.working.joinpath(*sub), self.logs.joinpath(*sub)
        return Run(seed, folder, working, logs, harness, header)

    def _settings(self) -> dict[str, Any]:
        """All that decides a result; a run is gone on with only while these are the same."""
        skill = self.skill
        return {
            "agent": self.args.agent,
            "prompts": prompts_digest(),
            "skill": {"name": skill.name, "digest": skill.digest} if skill else None,
            "dataset": digest(self.dataset.path.read_bytes()),
            "max_turns": self.args.max_turns,
            "sandbox": self.sandbox.kind,
        }


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
