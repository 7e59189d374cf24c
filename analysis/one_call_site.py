"""A one-call analyst and all that it needs, set up from the flags in whatever process it works."""

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from analysis.flags import described, run_masks, run_settings
from analysis.records import LessonKind
from analysis.running import AnalystBench
from analysis.single_call import FAILURES, SUCCESSES, SingleCallAnalyst
from react_agent.connect import Shared, connect
from spreadsheetbench.dataset import Dataset


class OneCallSite:
    def __init__(self, args: argparse.Namespace, kind: LessonKind) -> None:
        self.args, self.kind = args, kind
        self.dataset = Dataset.load(args.data_path) if args.data_path else None

    def __reduce__(self) -> tuple[type["OneCallSite"], tuple[argparse.Namespace, LessonKind]]:
        return OneCallSite, (self.args, self.kind)

    @property
    def folders(self) -> Sequence[Path]:
        return (self.args.output_dir,)

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        args = self.args
        async with connect(args, masks=run_masks(args.logs_dir), shared=shared) as connection:
            model, _ = described(connection)
            settings = run_settings(f"one-call {self.kind} analysis", model, seed=args.seed)
            analyst = SingleCallAnalyst(
                FAILURES if self.kind == "error" else SUCCESSES,
                connection.model(seed=args.seed),
                str(model["model"]),
                args.output_dir,
                self.dataset,
            )
            yield AnalystBench(
                work=analyst.analyse,
                settings=settings,
                stats=connection.stats,
                analyst=analyst,
            )
