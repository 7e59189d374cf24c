"""SIGKILL at random moments of every stage, the command started again each time.

Counted: work done again that was finished before the kill (the server knows what it was asked),
half-written files, processes left behind, and results that are not those of an unbroken run.
"""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from faultfiles import damaged, differing, leaves
from faultprogram import Program
from faultrow import Row, Trial
from faultserver import FaultServer
from faultstages import LEFT, Pipeline, Stage, asked_again, scripted

KILLS = 50
CALL_SECONDS = 0.1
EARLIEST = 0.3
"""Of a command's time; before, Python is still importing."""


def measure(trial: Trial, *, kills: int = 0, stages: int | None = None, before: str = "") -> Row:
    """Of the first `stages` alone, where that is given."""
    wanted = kills or (13 if trial.reduced else KILLS)
    dice = random.Random(trial.seed)
    with TemporaryDirectory() as name, FaultServer(scripted, seconds=CALL_SECONDS) as server:
        unbroken = _Trial(Path(name) / "unbroken", server, before)
        durations = [unbroken.through(stage) for stage in unbroken.pipeline.stages[:stages]]
        hit, wrong, rounds = 0, list(unbroken.wrong), 0
        while hit < wanted and rounds < wanted:
            rounds += 1
            broken = _Trial(Path(name) / f"broken_{rounds}", server, before)
            for stage, seconds in zip(broken.pipeline.stages, durations, strict=False):
                moment = dice.uniform(EARLIEST, 1) * seconds
                broken.through(stage, moment if hit + broken.hit < wanted else None)
            hit += broken.hit
            wrong += [*broken.wrong, *differing(unbroken.left, broken.left)]
        return Row("killed and started again: lost, redone, damaged", hit, wrong)


class _Trial:
    """One pass through the stages."""

    def __init__(self, folder: Path, server: FaultServer, before: str) -> None:
        self.program = Program(folder, server.url, before)
        self.pipeline, self.server = Pipeline(folder), server
        self.pipeline.lay_out()
        self.hit = 0
        self.wrong: list[str] = []

    @property
    def left(self) -> dict[str, str]:
        return leaves(self.program.folder, *LEFT)

    def through(self, stage: Stage, kill_at: float | None = None) -> float:
        """Seconds of the last start, which ran to its end."""
        if kill_at is not None:
            self._kill(stage, kill_at)
        finished, first = stage.finished(), len(self.server.asked)
        started = time.monotonic()
        ended = self.program.run(stage.module, *stage.argv)
        seconds = time.monotonic() - started
        if ended.code:
            self.wrong.append(f"{stage.name}: {ended}")
        self.wrong += asked_again(stage, finished, self.server.asked[first:])
        if kill_at is not None:
            self.wrong += self._about(stage, damaged(self.program.folder))
        return seconds

    def _kill(self, stage: Stage, seconds: float) -> None:
        if self.program.start(stage.module, *stage.argv).signalled_after(seconds, signal.SIGKILL):
            self.hit += 1
        self.wrong += self._about(stage, self.program.left())
        self.wrong += self._about(stage, damaged(self.program.folder, killed=True))

    @staticmethod
    def _about(stage: Stage, problems: list[str]) -> Iterator[str]:
        return (f"{stage.name} was killed: {problem}" for problem in problems)
