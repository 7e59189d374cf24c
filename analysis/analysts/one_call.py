"""A one-call analyst and all that it needs, set up in whatever process it works."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from analysis.analysts.running import AnalystBench, decisive, open_model
from analysis.analysts.settings import CallAnalysis, CallErrorAnalysis
from analysis.analysts.single_call import (
    CONTRASTS,
    FAILURES,
    NOTES,
    SUCCESSES,
    SingleCallAnalyst,
)
from react_agent.models.connect import Shared
from react_agent.registry import DOMAINS, find
from react_agent.seams import Domain, Reading

ONE_READER = Reading(processes=1)
"""Only the data set's own files are read."""


class OneCallSite:
    def __init__(self, settings: CallAnalysis) -> None:
        self.settings = settings
        self.domain: Domain[Any] | None = None
        if settings.data_path:
            self.domain = find(DOMAINS, "domain", settings.domain)(settings.data_path, ONE_READER)

    def __reduce__(self) -> tuple[type["OneCallSite"], tuple[CallAnalysis]]:
        return OneCallSite, (self.settings,)

    @property
    def folders(self) -> Sequence[Path]:
        return (self.settings.output_dir,)

    @property
    def in_flight(self) -> int:
        return self.settings.max_workers

    def with_tool_slots(self, slots: int) -> "OneCallSite":
        return self

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        given = self.settings
        async with open_model(given, self.in_flight, shared) as (connection, model):
            with self.domain or contextlib.nullcontext():
                contrast = isinstance(given, CallErrorAnalysis) and given.contrast
                errors = CONTRASTS if contrast else FAILURES
                lessons = errors if given.kind == "error" else SUCCESSES
                analyst = SingleCallAnalyst(
                    NOTES[given.kind] if given.for_memory else lessons,
                    connection.model(seed=given.choice.seed),
                    str(model["model"]),
                    given.output_dir,
                    self.domain,
                    given.rejected,
                )
                what = "notes" if given.for_memory else "analysis"
                stage = f"one-call {'contrast' if contrast else given.kind} {what}"
                more = {"rejected": list(given.rejected)} if given.rejected else {}
                yield AnalystBench(
                    work=analyst.analyse,
                    settings=decisive(stage, model, seed=given.choice.seed, **more),
                    stats=connection.stats,
                    analyst=analyst,
                )
