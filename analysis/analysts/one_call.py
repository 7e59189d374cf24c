"""A one-call analyst and all that it needs, set up in whatever process it works."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from analysis.analysts.running import AnalystBench, AnalystSite, decisive
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


class OneCallSite(AnalystSite[CallAnalysis]):
    def __init__(self, settings: CallAnalysis) -> None:
        super().__init__(settings)
        self.domain: Domain[Any] | None = None
        if settings.data_path:
            self.domain = find(DOMAINS, "domain", settings.domain)(settings.data_path, ONE_READER)

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        given = self.settings
        async with self.model(shared) as (connection, model):
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
