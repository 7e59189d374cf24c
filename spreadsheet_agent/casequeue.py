"""The cases of all seeds in one queue, each written down as it ends."""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from react_agent.errors import BudgetReached, ContractError, ModelError, Trace2SkillError
from react_agent.files import digest
from react_agent.pool import Outcome, work_queue
from react_agent.retry import Stats
from react_agent.seams import Domain, Trajectory
from spreadsheet_agent.runfolder import CaseResult, now
from spreadsheet_agent.runs import Run, Session
from spreadsheet_agent.trajectory import Log, LogFormat, LogName, write_log
from spreadsheetbench.dataset import SheetCase

log = logging.getLogger(__name__)

MAX_ANSWER = 2_000
"""Characters of the agent's last words that results.json keeps; the log has them all."""


class CaseQueue:
    """The cases of all seeds in one queue, with progress and a stop when nothing gets through."""

    def __init__(
        self, session: Session, domain: Domain[SheetCase], args: argparse.Namespace, stats: Stats
    ) -> None:
        self.session, self.domain, self.args, self.stats = session, domain, args, stats
        self.counts: Counter[str] = Counter()
        self.fingerprints: dict[tuple[str, str], str] = {}
        self.tokens = 0
        self.failing_in_a_row = 0

    async def run(self, cases: Sequence[SheetCase]) -> None:
        """Raises ContractError when a finished case was run on other data."""
        several = Counter(case.task_id for case in cases)
        waiting = self._waiting(cases)
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
        except (_NothingGetsThrough, BudgetReached) as reason:
            self.session.stopped = str(reason)
        finally:
            bar.close()
            for run in self.session.runs:
                header = {**run.header, "parallel_workers": self.args.workers}
                run.folder.write_summary(self.session.tasks, header, self.session.problems)
            if sys.exc_info()[0] is asyncio.CancelledError:
                print(self.session.table())

    def _waiting(self, cases: Sequence[SheetCase]) -> list[tuple[Run, SheetCase]]:
        """What no earlier start has finished."""
        self.fingerprints = {_key(case): self.domain.fingerprint(case) for case in cases}
        waiting: list[tuple[Run, SheetCase]] = []
        for run in self.session.runs:
            run.folder.check_fingerprints(self.fingerprints)
            for case in cases:
                if run.folder.is_finished(_key(case), missing_only=self.args.missing_only):
                    self.session.kept += 1
                else:
                    waiting.append((run, case))
        self.session.owed = len(waiting)
        return waiting

    async def _case(self, run: Run, case: SheetCase, several: bool) -> CaseResult:
        """Run one case and write all it leaves: workbook, log, and the line that it is done."""
        folder = run.working_dir / f"{case.task_id}_{case.name}"
        output_dir, output = run.folder.output_dir, None
        self.domain.output_path(case, output_dir).unlink(missing_ok=True)
        trajectory = await self._trajectory(run, case, folder)
        try:
            output = self.domain.collect(case, folder, output_dir)
        except ContractError as error:  # a link, a device, a file without end: the agent's doing
            trajectory.error = str(error)
        result = self._result(run, case, trajectory, output)
        name = LogName(run.harness.name, case.task_id, case.name if several else "")
        log_format: LogFormat = self.args.log_format
        written = _log(run, case, trajectory, result)
        path = write_log(run.log_dir, name, written, log_format)
        result = result.model_copy(update={"log_file": str(path)})
        run.folder.add(result)
        return result

    async def _trajectory(self, run: Run, case: SheetCase, folder: Path) -> Trajectory:
        """Raises ModelError when the endpoint refuses every request."""
        try:
            workspace = await asyncio.to_thread(self.domain.prepare, case, folder)
            return await run.harness.run(workspace)
        except ModelError:
            raise
        except Exception as error:  # ours, not the agent's, and it costs this case only
            again = self.counts["infra"] > 0  # what hits every case is shown once
            known = isinstance(error, Trace2SkillError)
            log.error("case %s: %s", case.task_id, error, exc_info=not (again or known))
            return Trajectory(status="crash", error=str(error) if known else repr(error))

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
            fingerprint=self.fingerprints[_key(case)],
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
        shown = {**self.counts, "tokens": f"{self.tokens:,}"}
        if retries := self.stats.retries.total():
            shown["retries"] = retries
        bar.set_postfix(shown, refresh=False)
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
