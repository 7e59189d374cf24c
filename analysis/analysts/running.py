"""Run analysts over the chosen trajectories; the finished are kept, the failed done again."""

import asyncio
import logging
import sys
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from tqdm import tqdm

from analysis.analysts.asking import PROMPTS
from analysis.analysts.settings import Analysis
from analysis.lessons.outcomes import CaseAnalysis, Summary, forget, open_run, summarise
from analysis.lessons.parsing import write_records
from analysis.lessons.records import LessonKind
from analysis.lessons.selection import LeftOut, Selection, Subject
from react_agent.cluster.staff import staffed
from react_agent.engines.bench import Bench, Site
from react_agent.engines.progress import progress
from react_agent.engines.queue import WorkOutcome, work_queue
from react_agent.errors import ContractError, InfrastructureError, ModelError, RunStopped
from react_agent.files import digest, refuses_writes, write_whole
from react_agent.layout import ANALYSIS_SUMMARY
from react_agent.lock import only_start
from react_agent.models.connect import Connection, Shared
from react_agent.models.patience.retry import Stats
from react_agent.sandbox.orphans import end_strays
from react_agent.text import say

log = logging.getLogger(__name__)
AnalysisT = TypeVar("AnalysisT", bound=Analysis)


class Analyst(Protocol):
    """Something that analyses one trajectory and leaves its files in `output_dir`."""

    kind: LessonKind
    output_dir: Path

    def finished(self, subject: Subject) -> CaseAnalysis | None:
        """The case as an earlier start finished it, from the same evidence."""
        ...

    async def failure_class(self, subject: Subject) -> str:
        """The class that code gives the failure; empty for one that no code can name."""
        ...

    async def analyse(self, subject: Subject) -> CaseAnalysis:
        """Raises ModelError, and ContractError when the evidence is missing."""
        ...


@dataclass(kw_only=True)
class AnalystBench(Bench[Subject, CaseAnalysis]):
    analyst: Analyst


class AnalystSite(Site[Subject, CaseAnalysis], Generic[AnalysisT]):
    """An executor's site whose bench is an analyst, set up in whatever process it works."""

    def __init__(self, settings: AnalysisT) -> None:
        self.settings = settings

    def __reduce__(self) -> tuple[type[Self], tuple[AnalysisT]]:
        return type(self), (self.settings,)

    @property
    def folders(self) -> Sequence[Path]:
        return (self.settings.output_dir,)

    def with_tool_slots(self, slots: int) -> Self:
        return self

    @abstractmethod
    def open(self, shared: Shared | None = None) -> AbstractAsyncContextManager[AnalystBench]: ...

    @asynccontextmanager
    async def model(
        self, shared: Shared | None
    ) -> AsyncIterator[tuple[Connection, dict[str, Any]]]:
        """The connection, and what decides its replies."""
        settings = self.settings
        # Logs speak of the folders of their run; on a cassette these may lie anywhere.
        run = settings.logs_dir.resolve().parent
        masks = {"<analysis>": str(settings.output_dir.resolve()), "<run>": str(run)}
        async with Connection(
            settings.model,
            workers=settings.in_flight,
            folders=self.folders,
            masks=masks,
            shared=shared,
        ) as connection:
            model = dict(connection.describe())
            model.pop("endpoint", None)  # a server that moved is still the same model
            yield connection, model


def decisive(stage: str, model: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """All that decides a report; a folder is gone on with only while these are the same."""
    parts = (part for pair in sorted(PROMPTS.sources().items()) for part in pair)
    return {"stage": stage, "prompts": digest(*parts), "model": dict(model), **more}


async def run_analysis(
    settings: Analysis, site: AnalystSite[Any], selection: Selection, per_class: int | None = None
) -> Summary:
    """Raises ContractError before any model is asked when flags or folders do not fit."""
    async with site.open() as here:
        output_dir, in_flight = here.analyst.output_dir, settings.in_flight
        with only_start(output_dir):
            end_strays(output_dir)
            if settings.choice.overwrite:
                forget(output_dir)
                settings.records.unlink(missing_ok=True)
            open_run(output_dir, here.settings, overwrite=settings.choice.overwrite)
            async with staffed(settings.executor, settings.model, site, here, in_flight) as staff:
                run = AnalysisRun(
                    here.analyst,
                    selection,
                    settings.records,
                    in_flight,
                    staff.work,
                    staff.stats,
                    per_class=per_class,
                )
                return await run.run()


@dataclass
class AnalysisRun:
    """One start over one selection."""

    analyst: Analyst
    selection: Selection
    parsed_output: Path
    workers: int = 1
    work: Callable[[Subject], Awaitable[CaseAnalysis]] | None = None
    """Where the analyst of another process does it; else this one."""
    stats: Stats = field(default_factory=Stats)
    """Of the endpoint, for the progress bar."""
    done: dict[str, CaseAnalysis] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    per_class: int | None = None
    """Cases analysed of one class; the others of it are counted."""
    counted: list[LeftOut] = field(default_factory=list)
    _failing: int = 0

    async def run(self) -> Summary:
        """Raises ModelError when the endpoint refuses everything."""
        started = time.monotonic()
        waiting = await self._capped(self._take_finished())
        self.owed = dict.fromkeys((s.instance for s in waiting), "not started")
        bar = progress(
            total=len(self.selection.subjects) - len(self.counted),
            initial=self.kept,
            desc=f"{self.analyst.kind} analysis",
            unit="case",
        )
        try:
            await work_queue(
                self.work or self.analyst.analyse,
                waiting,
                workers=self.workers,
                again=lambda outcome: isinstance(outcome.error, InfrastructureError),
                done=lambda outcome: self._settle(outcome, bar),
            )
        except (_NothingGetsThrough, RunStopped) as reason:
            log.warning("stopped: %s", reason)
        finally:
            bar.close()
            summary = self._write(time.monotonic() - started)
            if sys.exc_info()[0] is asyncio.CancelledError:
                say(summary.table())
        return summary

    def _take_finished(self) -> list[Subject]:
        waiting = []
        for subject in self.selection.subjects:
            earlier = self.analyst.finished(subject)
            if earlier:
                self.done[subject.instance] = earlier
                self.kept += 1
            else:
                waiting.append(subject)
        return waiting

    async def _capped(self, waiting: list[Subject]) -> list[Subject]:
        """The first of each class, in the order of the selection, so that a later start takes the
        same; what is finished counts too."""
        if self.per_class is None:
            return waiting
        taken = Counter(case.error_class for case in self.done.values())
        kept = []
        for subject in waiting:
            found = await self.analyst.failure_class(subject)
            if found and taken[found] >= self.per_class:
                where, why = str(subject.path), f"{found}: {taken[found]} are analysed"
                self.counted.append(
                    LeftOut(subject.instance, where, "counted, not analysed", why, found)
                )
            else:
                taken[found] += 1
                kept.append(subject)
        return kept

    def _settle(self, outcome: WorkOutcome[Subject, CaseAnalysis], bar: "tqdm[Any]") -> None:
        instance = outcome.item.instance
        if outcome.value:
            self.done[instance] = outcome.value
            self.owed.pop(instance, None)
            self._failing = 0
        else:
            assert outcome.error is not None
            self._take_failure(instance, outcome.error)
        usage = [case.usage for case in self.done.values()]
        counts = Counter(str(case.outcome) for case in self.done.values())
        shown: dict[str, Any] = {"lessons": counts.pop("lesson", 0), "dropped": counts.total()}
        tokens = sum(u.tokens for u in usage)
        shown |= {"failed": self._failed, "tokens": f"{tokens:,}", **self.stats.trouble}
        bar.set_postfix(shown, refresh=False)
        bar.update()

    def _take_failure(self, instance: str, error: Exception) -> None:
        """A case that broke is owed; it stops nothing, unless all of them break."""
        self.owed[instance] = f"{type(error).__name__}: {error}"
        if (isinstance(error, ModelError) and error.fatal) or refuses_writes(error):
            raise error
        ours = not isinstance(error, ModelError)
        crash = ours and not isinstance(error, ContractError)
        if ours:
            log.warning("%s: %s", instance, error, exc_info=error if crash else None)
        self._failing = self._failing + 1 if crash else 0
        if self._failing >= max(8, self.workers):
            raise _NothingGetsThrough(f"{self._failing} cases in a row: {error}")

    @property
    def _failed(self) -> int:
        return sum(reason != "not started" for reason in self.owed.values())

    def _write(self, seconds: float) -> Summary:
        order = [s.instance for s in self.selection.subjects if s.instance in self.done]
        cases = [self.done[name] for name in order]
        left_out = [*self.selection.left_out, *self.counted]
        summary = summarise(self.analyst.kind, cases, left_out, self.owed, seconds)
        counted: dict[str, list[str]] = {}
        for one in self.counted:
            counted.setdefault(one.error_class, []).append(one.instance)
        aside = [x.instance for x in self.selection.left_out if x.reason == "not selected"]
        write_records(
            self.analyst.output_dir,
            self.parsed_output,
            self.analyst.kind,
            sorted(order + aside),
            counted,
        )
        file = self.analyst.output_dir / ANALYSIS_SUMMARY
        write_whole(file, summary.model_dump_json(indent=2) + "\n")
        return summary


class _NothingGetsThrough(Exception):
    """A bug hits every case: going on would only fail them all."""
