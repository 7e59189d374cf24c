"""The cases of all seeds in one queue, each written down as it ends.

The one that took longest before goes first, so that no long one is left for the end: what a task
takes repeats from run to run, and nothing else tells it before it starts. The order decides no
result.
"""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from tqdm import tqdm

from react_agent.configfile import read_records
from react_agent.engines.bench import Bench, CaseLost
from react_agent.engines.progress import progress
from react_agent.engines.queue import WorkOutcome, work_queue
from react_agent.errors import RunStopped
from react_agent.layout import RESULT_LINES, seed_folders
from react_agent.runs.casework import Assignment
from react_agent.runs.folder import CaseResult, Key
from react_agent.runs.places import Session
from react_agent.runs.settings import Rollouts
from react_agent.seams import Case, Domain, Trajectory
from react_agent.text import say

log = logging.getLogger(__name__)
T = TypeVar("T")


class CaseQueue:
    """The cases of all seeds in one queue, with progress and a stop when nothing gets through."""

    def __init__(
        self,
        session: Session,
        domain: Domain[Any],
        settings: Rollouts,
        bench: Bench[Assignment, CaseResult],
    ) -> None:
        self.session, self.domain, self.settings, self.bench = session, domain, settings, bench
        self.folders = {run.place.seed: run.folder for run in session.runs}
        self.counts: Counter[str] = Counter()
        self.tokens = 0
        self.failing_in_a_row = 0

    async def run(self, cases: Sequence[Case]) -> None:
        """Raises ContractError when a finished case was run on other data."""
        before = self.settings.agent.longest_first
        earlier = earlier_results(before) if before else []
        waiting = self._waiting(cases)
        kept = sum(run.kept for run in self.session.runs)
        bar = progress(total=len(waiting) + kept, initial=kept, desc="rollouts", unit="case")
        try:
            await work_queue(
                self._case,
                self._in_order(waiting, earlier),
                workers=self.settings.agent.workers,
                again=self._again,
                done=lambda outcome: self._done(outcome, bar),
            )
        except (_NothingGetsThrough, RunStopped) as reason:
            self.session.stopped = str(reason)
        finally:
            bar.close()
            for run in self.session.runs:
                header = {**run.place.header, "parallel_workers": self.settings.agent.workers}
                run.folder.write_summary(self.session.tasks, header, self.session.problems)
            if sys.exc_info()[0] is asyncio.CancelledError:
                say(self.session.table())

    def _waiting(self, cases: Sequence[Case]) -> list[Assignment]:
        """What no earlier start has finished."""
        missing_only = self.settings.cases.missing_only
        several = Counter(case.task_id for case in cases)
        fingerprints = {_key(case): self.domain.fingerprint(case) for case in cases}
        waiting: list[Assignment] = []
        for run in self.session.runs:
            run.folder.check_fingerprints(fingerprints)
            for case in cases:
                if run.folder.is_finished(_key(case), missing_only=missing_only):
                    run.kept += 1
                else:
                    more, printed = several[case.task_id] > 1, fingerprints[_key(case)]
                    no_output = self.domain.no_output
                    waiting.append(Assignment(run.place, case, more, printed, no_output))
        self.session.owed = len(waiting)
        return waiting

    def _in_order(
        self, waiting: Sequence[Assignment], earlier: Sequence[CaseResult]
    ) -> Iterator[Assignment]:
        """Seed after seed; what the others have taken is looked at when a seed begins."""
        for seed in self.folders:
            known = [*earlier, *(x for one in self.folders.values() for x in one.results.values())]
            mine = [given for given in waiting if given.place.seed == seed]
            yield from longest_first(mine, lambda given: _key(given.case), seconds_taken(known))

    async def _case(self, given: Assignment) -> CaseResult:
        try:
            result = await self.bench.work(given)
        except CaseLost as lost:
            result = given.result(Trajectory(status="infrastructure", error=str(lost)))
        self.folders[given.place.seed].add(result)
        self.failing_in_a_row = self.failing_in_a_row + 1 if result.owed else 0
        return result

    @property
    def _hopeless(self) -> bool:
        return self.failing_in_a_row >= max(8, self.settings.agent.workers)

    def _again(self, outcome: WorkOutcome[Assignment, CaseResult]) -> bool:
        """What the endpoint ended is tried again when all else is done."""
        ended = outcome.value is not None and outcome.value.status == "infrastructure"
        return ended and not self._hopeless

    def _done(self, outcome: WorkOutcome[Assignment, CaseResult], bar: "tqdm[Any]") -> None:
        if outcome.error:
            raise outcome.error
        result = outcome.value
        assert result is not None
        if not result.owed:
            self.session.owed -= 1
        self.counts[result.ended] += 1
        self.tokens += result.usage.tokens
        shown = {**self.counts, "tokens": f"{self.tokens:,}"}
        shown |= self.bench.stats.trouble
        if retries := self.bench.stats.retries.total():
            shown["retries"] = retries
        bar.set_postfix(shown, refresh=False)
        bar.update()
        if self._hopeless:
            raise _NothingGetsThrough(
                f"{self.failing_in_a_row} cases in a row ended by {result.status} ({result.error})"
            )


class _NothingGetsThrough(Exception):
    """A bug, or a setting that the endpoint refuses, hits every case; outages are waited for."""


def _key(case: Case) -> Key:
    return case.task_id, case.input_name


def earlier_results(output_dir: Path) -> list[CaseResult]:
    """Of one run, or of all seeds of several; none, with a warning, where there is no run.

    Raises ContractError for a file that is something else.
    """
    places = [folder / RESULT_LINES for folder in (output_dir, *seed_folders(output_dir))]
    if not any(path.is_file() for path in places):
        log.warning(
            "%s: holds no %s to order by; the data set's order it is", output_dir, RESULT_LINES
        )
    return [result for path in places for result in read_records(CaseResult, path)]


def seconds_taken(results: Iterable[CaseResult]) -> dict[Key, float]:
    """The mean of each case's runs, as far as the agent ended them."""
    taken: dict[Key, list[float]] = {}
    for result in results:
        if not result.owed:
            taken.setdefault(result.key, []).append(result.seconds)
    return {key: fmean(seconds) for key, seconds in taken.items()}


def longest_first(
    items: Sequence[T], key: Callable[[T], Key], taken: Mapping[Key, float]
) -> list[T]:
    """What nothing is known of goes first, in its own order: it may be the longest."""
    return sorted(items, key=lambda item: -taken.get(key(item), float("inf")))
