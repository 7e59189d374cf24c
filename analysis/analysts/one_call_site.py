"""A one-call analyst and all that it needs, set up from the flags in whatever process it works."""

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from analysis.analysts.running import AnalystBench
from analysis.analysts.single_call import FAILURES, SUCCESSES, SingleCallAnalyst
from analysis.flags import described, run_masks, run_settings
from analysis.lessons.records import LessonKind
from react_agent.cli import model_settings, written
from react_agent.models.connect import Shared, connect
from spreadsheetbench.tasks.dataset import Dataset


class OneCallSite:
    def __init__(self, args: argparse.Namespace, kind: LessonKind) -> None:
        self.args, self.kind = args, kind
        self.dataset = Dataset.load(args.data_path) if args.data_path else None

    def __reduce__(self) -> tuple[type["OneCallSite"], tuple[argparse.Namespace, LessonKind]]:
        return OneCallSite, (self.args, self.kind)

    @property
    def folders(self) -> Sequence[Path]:
        return (self.args.output_dir,)

    def with_tool_slots(self, slots: int) -> "OneCallSite":
        return self

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[AnalystBench]:
        args = self.args
        settings, folders, masks = model_settings(args), written(args), run_masks(args.logs_dir)
        async with connect(
            settings, workers=args.max_workers, folders=folders, masks=masks, shared=shared
        ) as connection:
            model, _ = described(connection)
            decisive = run_settings(f"one-call {self.kind} analysis", model, seed=args.seed)
            analyst = SingleCallAnalyst(
                FAILURES if self.kind == "error" else SUCCESSES,
                connection.model(seed=args.seed),
                str(model["model"]),
                args.output_dir,
                self.dataset,
            )
            yield AnalystBench(
                work=analyst.analyse,
                settings=decisive,
                stats=connection.stats,
                analyst=analyst,
            )
