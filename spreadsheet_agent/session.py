"""One start of the rollouts: from flags to runs and their cases."""

import argparse
import contextlib
import platform
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from react_agent.cli import executor_settings, model_settings
from react_agent.cluster.staff import staffed
from react_agent.engines.bench import Bench
from react_agent.errors import ContractError
from react_agent.layout import seed_name
from react_agent.lock import only_start
from react_agent.runs.folder import CaseResult, RunFolder
from react_agent.sandbox.orphans import end_strays
from react_agent.seams import Domain
from spreadsheet_agent.casequeue import CaseQueue
from spreadsheet_agent.casework import Assignment, RolloutSite
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheet_agent.runs import Run, RunPlace, Session
from spreadsheetbench.tasks.dataset import SheetCase


async def run_session(args: argparse.Namespace, seeds: Sequence[int | None]) -> Session:
    """Raises ContractError before anything is run when flags, data or an earlier run do not fit."""
    args.working_dir = args.working_dir or Path(tempfile.mkdtemp(prefix="trace2skill-"))
    start = _Start(RolloutSite(args))
    async with start.site.open() as bench:
        with contextlib.ExitStack() as locks:
            for seed in seeds:
                sub = () if seed is None or len(seeds) == 1 else (seed_name(seed),)
                locks.enter_context(only_start(args.output_dir.joinpath(*sub)))
                start.session.runs.append(start.run(bench, seed, sub))
            end_strays(start.site.working)
            async with staffed(
                executor_settings(args), model_settings(args), start.site, bench, args.workers
            ) as staff:
                queue = CaseQueue(start.session, start.site.domain, args, staff)
                await queue.run(start.cases)
    return start.session


class _Start:
    """The chosen tasks, and the opened run of every seed."""

    def __init__(self, site: RolloutSite) -> None:
        self.site, args = site, site.args
        tasks = site.dataset.select(
            start=args.start_idx,
            end=args.end_idx,
            ids=args.instance_ids,
            shuffle_seed=args.shuffle_seed,
            sample=args.sample,
        )
        if not tasks:
            raise ContractError(
                f"{site.dataset.path}: the flags choose no task of {len(site.dataset.tasks)}"
            )
        self.session = Session(tasks=[(task.id, task.instruction) for task in tasks])
        self.cases = _lay_out(site.domain, self.session)

    def run(
        self, bench: Bench[Assignment, CaseResult], seed: int | None, sub: Sequence[str]
    ) -> Run:
        """One seed's run, its folder opened. Raises ContractError when it cannot go on."""
        site, args = self.site, self.site.args
        environment = {**_environment(args), **bench.environment, "cases": len(self.cases)}
        output_dir = args.output_dir.joinpath(*sub)
        folder = RunFolder(output_dir, None if sub else args.results_file)
        folder.open(
            {**bench.settings, "seed": seed},
            environment,
            overwrite=args.overwrite,
            outputs=_outputs(site.domain, output_dir),
        )
        header = {"agent_name": site.kind.name, "model": args.model, "seed": seed}
        working, logs = site.working.joinpath(*sub), site.logs.joinpath(*sub)
        return Run(RunPlace(seed, output_dir, working, logs, header), folder)


def _lay_out(domain: Domain[SheetCase], session: Session) -> list[SheetCase]:
    """The cases of all tasks; a task without folder or input is a problem, not a crash."""
    cases: list[SheetCase] = []
    for task_id, _ in session.tasks:
        try:
            cases += domain.cases(task_id)
        except ContractError as error:
            session.problems[task_id] = str(error)
    return cases


def _outputs(domain: SpreadsheetDomain, output_dir: Path) -> list[Path]:
    """Where the results of all tasks of the data set belong, chosen or not."""
    found: list[Path] = []
    for task in domain.dataset.tasks:
        with contextlib.suppress(ContractError):
            found += [domain.output_path(c, output_dir) for c in domain.cases(task.id)]
    return found


def _environment(args: argparse.Namespace) -> dict[str, Any]:
    """What may differ between two starts of one run, but helps to explain a difference."""
    names = ("trace2skill-toolkit", "openpyxl", "pandas", "betteroffice-xlsx", "openai")
    versions = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):  # a clone need not be installed
            versions[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "workers": args.workers,
        "data_path": str(args.data_path),
        "skills_dir": str(args.skills_dir),
        "prompts": str(args.prompts or ""),
    }
