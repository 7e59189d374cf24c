"""SIGKILL at random moments of every stage, the command started again each time.

Counted: work done again that was finished before the kill (the server knows what it was asked),
half-written files, processes that outlive the next start, and results that are not those of an
unbroken run.
"""

import random
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from trial.files import damaged, differing, leaves
from trial.program import Program, until
from trial.row import Row, Trial
from trial.server import FaultServer
from trial.stages import LEFT, TASKS, Pipeline, Stage, asked_again, scripted

KILLS = 50
CALL_SECONDS = 0.1
EARLIEST = 0.3
"""Of the time before the first call; until then Python is still importing."""
LONGEST, GONE = 120.0, 2.0


def measure(
    trial: Trial,
    *,
    kills: int = 0,
    stages: int | None = None,
    tasks: Sequence[str] = TASKS,
    workers: int = 3,
    later: float = 0.0,
    before: str = "",
) -> Row:
    """Of the first `stages` alone, where that is given; kills come `later` than drawn."""
    wanted = kills or (13 if trial.reduced else KILLS)
    dice = random.Random(trial.seed)
    with TemporaryDirectory() as name, FaultServer(scripted, seconds=CALL_SECONDS) as server:

        def new(part: str, before: str) -> _Trial:
            return _Trial(Pipeline(Path(name) / part, tasks, workers=workers), server, before)

        unbroken = new("unbroken", "")
        usual = [unbroken.through(stage) for stage in unbroken.pipeline.stages[:stages]]
        hit, wrong, rounds = 0, list(unbroken.wrong), 0
        while hit < wanted and rounds < wanted:
            rounds += 1
            broken = new(f"broken_{rounds}", before)
            for stage, whole in zip(broken.pipeline.stages, usual, strict=False):
                moment = whole.some_moment(dice, later)
                broken.through(stage, moment if hit + broken.hit < wanted else None)
            hit += broken.hit
            wrong += [*broken.wrong, *differing(unbroken.left, broken.left)]
        return Row("killed and started again: lost, redone, damaged", hit, wrong)


@dataclass(frozen=True)
class _Moment:
    """So many calls after a command's start, and so many seconds after the last of them."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class _Course:
    """When one unbroken start made its calls."""

    started: float
    calls: Sequence[float]
    ended: float

    def some_moment(self, dice: random.Random, later: float) -> _Moment:
        """Counted in calls where there are some, as a busy machine makes seconds long."""
        number = dice.randint(0, len(self.calls))
        times = [self.started, *self.calls, self.ended]
        pause = times[number + 1] - times[number]
        return _Moment(number, pause * dice.uniform(0 if number else EARLIEST, 1) + later)


class _Trial:
    """One pass through the stages."""

    def __init__(self, pipeline: Pipeline, server: FaultServer, before: str) -> None:
        self.program = Program(pipeline.folder, server.url, before)
        self.pipeline, self.server = pipeline, server
        self.pipeline.lay_out()
        self.hit = 0
        self.wrong: list[str] = []

    @property
    def left(self) -> dict[str, str]:
        return leaves(self.program.folder, *LEFT)

    def through(self, stage: Stage, moment: _Moment | None = None) -> _Course:
        """Kill a start at that moment and see another one to its end."""
        if moment:
            self._kill(stage, moment)
        finished, first = stage.finished(), len(self.server.asked)
        started = time.monotonic()
        ended = self.program.run(stage.module, *stage.argv)
        course = _Course(started, [a.at for a in self.server.asked[first:]], time.monotonic())
        if ended.code:
            self.wrong.append(f"{stage.name}: {ended}")
        self.wrong += asked_again(stage, finished, self.server.asked[first:])
        if moment:
            self.wrong += self._about(stage, damaged(self.program.folder))
            self.wrong += self._about(stage, self.program.left(GONE))
        return course

    def _kill(self, stage: Stage, moment: _Moment) -> None:
        wanted = len(self.server.asked) + moment.calls
        running = self.program.start(stage.module, *stage.argv)
        until(lambda: len(self.server.asked) >= wanted or running.has_ended, LONGEST)
        self.hit += running.signalled_after(moment.seconds, signal.SIGKILL)
        ended = running.ended()
        if ended.code not in (0, -signal.SIGKILL):
            self.wrong.append(f"{stage.name}: {ended}")
        self.wrong += self._about(stage, damaged(self.program.folder, killed=True))

    @staticmethod
    def _about(stage: Stage, problems: list[str]) -> Iterator[str]:
        return (f"{stage.name} was killed: {problem}" for problem in problems)
