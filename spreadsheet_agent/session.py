"""One start of the rollouts: from flags to a queue of cases, each written down as it ends."""

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from tqdm import tqdm

from react_agent.connect import connect
from react_agent.errors import ContractError, ModelError
from react_agent.files import digest
from react_agent.model import Usage
from react_agent.pool import Outcome, work_queue
from react_agent.sandbox import Sandbox, open_sandbox
from react_agent.seams import Domain, Harness, Trajectory
from react_agent.skills import Skill, find_skill
from spreadsheet_agent.agents import AGENTS, SpreadsheetAgent, prompts_digest
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheet_agent.runfolder import CaseResult, RunFolder, now
from spreadsheet_agent.trajectory import Log, LogFormat, LogName, write_log
from spreadsheetbench.dataset import Dataset, SheetCase

log = logging.getLogger(__name__)

MAX_ANSWER = 2_000


@dataclass
class Run:
    """One seed's run: where it works, where it writes, who runs its cases."""

    seed: int | None
    folder: RunFolder
    working_dir: Path
    log_dir: Path
    harness: Harness
    header: Mapping[str, Any]
    """What results.json and every log say of the run: agent, model, seed."""


@dataclass
class Session:
    """What one start has done, for the closing table."""

    runs: list[Run] = field(default_factory=list)
    tasks: Sequence[tuple[str, str]] = ()
    problems: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    owed: int = 0
    stopped: str = ""

    def table(self) -> str:
        lines = []
        for run in self.runs:
            cases = list(run.folder.results.values())
            usage = sum((case.usage for case in cases), Usage())
            counts = Counter(case.status for case in cases)
            seed = "" if run.seed is None else f", seed {run.seed}"
            lines += [
                f"{run.header['agent_name']} on {run.header['model']}{seed}",
                f"  cases      {len(cases)} ({self.kept} kept from an earlier start)",
                f"  outputs    {sum(c.success for c in cases)}",
                f"  ended      {', '.join(f'{n} {s}' for s, n in counts.most_common()) or 'none'}",
                f"  turns      {sum(c.turns for c in cases)}",
                f"  tokens     {usage.prompt_tokens:,} prompt, {usage.completion_tokens:,} reply",
                f"  results    {run.folder.results_file}",
            ]
        if self.problems:
            first = next(iter(self.problems.values()))
            lines.append(f"  not run    {len(self.problems)} tasks cannot be laid out ({first})")
        if self.owed:
            why = f": {self.stopped}" if self.stopped else ""
            lines.append(
                f"  still owed {self.owed} cases{why}; run the same command again to go on"
            )
        return "\n".join(lines)


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
            environment = {**_environment(args), "endpoint": address}
            folder.open(settings, environment, overwrite=args.overwrite)
            run = Run(seed, folder, base.joinpath(*sub), log_dir, harness, header)
            session.runs.append(run)
        await _Queue(session, domain, args, endpoint.stats).run(cases)
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


class _Queue:
    """The cases of all seeds in one queue, with progress and a stop when nothing gets through."""

    def __init__(
        self, session: Session, domain: Domain[SheetCase], args: argparse.Namespace, stats: Any
    ) -> None:
        self.session, self.domain, self.args, self.stats = session, domain, args, stats
        self.counts: Counter[str] = Counter()
        self.tokens = 0
        self.failing_in_a_row = 0

    async def run(self, cases: Sequence[SheetCase]) -> None:
        several = Counter(case.task_id for case in cases)
        waiting: list[tuple[Run, SheetCase]] = []
        for run in self.session.runs:
            prints = {_key(case): self.domain.fingerprint(case) for case in cases}
            run.folder.check_fingerprints(prints)
            for case in cases:
                if run.folder.is_finished(_key(case), missing_only=self.args.missing_only):
                    self.session.kept += 1
                else:
                    waiting.append((run, case))
        self.session.owed = len(waiting)
        total = len(waiting) + self.session.kept
        bar = tqdm(
            total=total, initial=self.session.kept, desc="rollouts", unit="case", disable=None
        )
        try:
            await work_queue(
                lambda item: self._case(*item, several[item[1].task_id] > 1),
                waiting,
                workers=self.args.workers,
                done=lambda outcome: self._done(outcome, bar),
            )
        except _NothingGetsThrough as reason:
            self.session.stopped = str(reason)
        finally:
            bar.close()
            for run in self.session.runs:
                header = {**run.header, "parallel_workers": self.args.workers}
                run.folder.write_summary(self.session.tasks, header, self.session.problems)
            if sys.exc_info()[0] is asyncio.CancelledError:
                print(self.session.table())

    async def _case(self, run: Run, case: SheetCase, several: bool) -> CaseResult:
        """Run one case and write all it leaves: workbook, log, and the line that it is done."""
        folder = run.working_dir / f"{case.task_id}_{case.name}"
        output_dir = run.folder.output_dir
        trajectory, output = Trajectory(), None
        try:
            self.domain.output_path(case, output_dir).unlink(missing_ok=True)
            workspace = await asyncio.to_thread(self.domain.prepare, case, folder)
            trajectory = await run.harness.run(workspace)
            output = self.domain.collect(case, folder, output_dir)
        except ContractError as error:  # what the agent left cannot be taken, or the input is bad
            trajectory.error = trajectory.error or str(error)
        except ModelError:
            raise
        except Exception as error:  # a bug of ours costs this case only, and is not the agent's
            trajectory.status, trajectory.error = "crash", repr(error)
            again = self.counts["infra"] > 0  # a bug that hits every case is shown once
            log.error("case %s: %r", case.task_id, error, exc_info=None if again else error)
        result = self._result(run, case, trajectory, output)
        name = LogName(run.harness.name, case.task_id, case.name if several else "")
        log_format: LogFormat = self.args.log_format
        written = _log(run, case, trajectory, result)
        path = write_log(run.log_dir, name, written, log_format)
        result = result.model_copy(update={"log_file": str(path)})
        run.folder.add(result)
        return result

    def _result(
        self, run: Run, case: SheetCase, trajectory: Trajectory, output: Path | None
    ) -> CaseResult:
        return CaseResult(
            id=case.task_id,
            input_file=case.input_path.name,
            output_file=str(output.relative_to(run.folder.output_dir)) if output else None,
            status=trajectory.status,
            success=output is not None,
            error=trajectory.error or (None if output else "no output workbook"),
            agent_answer=trajectory.answer[-MAX_ANSWER:],
            turns=trajectory.turns,
            usage=trajectory.usage,
            seconds=round(trajectory.seconds, 3),
            fingerprint=self.domain.fingerprint(case),
            output_digest=digest(output.read_bytes()) if output else "",
            finished_at=now(),
        )

    def _done(self, outcome: Outcome[tuple[Run, SheetCase], CaseResult], bar: "tqdm[Any]") -> None:
        if outcome.error:
            raise outcome.error
        result = outcome.value
        assert result is not None
        if not result.owed:
            self.session.owed -= 1
        self.failing_in_a_row = self.failing_in_a_row + 1 if result.owed else 0
        self.counts["infra" if result.owed else "output" if result.success else "no output"] += 1
        self.tokens += result.usage.prompt_tokens + result.usage.completion_tokens
        bar.set_postfix({**self.counts, "tokens": f"{self.tokens:,}"}, refresh=False)
        bar.update()
        if self.failing_in_a_row >= max(8, self.args.workers):
            raise _NothingGetsThrough(
                f"{self.failing_in_a_row} cases in a row ended by {result.status} ({result.error})"
            )


class _NothingGetsThrough(Exception):
    """The endpoint is down, or a bug hits every case: going on would only use up the rest."""


def _key(case: SheetCase) -> tuple[str, str]:
    return case.task_id, case.input_path.name


def _log(run: Run, case: SheetCase, trajectory: Trajectory, result: CaseResult) -> Log:
    rows = {
        "task": case.task_id,
        "input_file": result.input_file,
        "model": run.header["model"],
        "seed": run.seed,
        "timestamp": result.finished_at,
        "success": result.success,
        "status": result.status,
        "turns": result.turns,
        "error": result.error,
        "seconds": result.seconds,
        "usage": result.usage.model_dump(),
    }
    title = f"{run.harness.name} on {case.task_id} ({case.name})"
    return Log(tuple(trajectory.messages), rows, title)
