"""Seconds from Ctrl-C or SIGTERM to a clean end, with every worker busy.

Half of the cases sleep in a confined command, half wait for a model that does not answer; some
have ended before. Looked at afterwards: exit code 130, no process left behind, case folders given
back, results kept, and a further start that does only what is owed.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring.folders import SKILLS
from measuring.minirun import copies
from rows.lost import bash
from trial.files import damaged
from trial.program import Program, Running, until
from trial.row import Row, Trial
from trial.server import FOR_EVER, Fault, FaultServer, Messages
from trial.stages import MODEL, cases_of, lines_of

from react_agent.cli import INTERRUPTED, OK

BUSY, FEWER = 128, 24
QUICK = 4
"""Cases that end before each signal; their results have to be kept."""
SECONDS = 5.0
TO_BUSY, TO_END = 180.0, 30.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SLEEP = "sleep 100 & sleep 100"
DONE = "Thought: that was all.\n\nACTION: TASK_COMPLETE"


def measure(trial: Trial, *, busy: int = 0, analysis: bool = True, before: str = "") -> Row:
    number = busy or (FEWER if trial.reduced else BUSY)
    cast = _Cast()
    with TemporaryDirectory() as name, FaultServer(cast.answer) as server:
        folder = Path(name) / "run"
        data = copies(Path(name) / "data", number + len(SIGNALS) * QUICK)
        program = Program(folder, server.url, before)
        scenes = [_Scene("rollouts", program, server, cast, number, *_rollouts(folder, data))]
        if analysis:
            more = _analysis(folder, data)
            scenes.append(_Scene("error analysis", program, server, cast, number, *more))
        for scene in scenes:
            scene.play()
    wrong = [line for scene in scenes for line in scene.wrong]
    took = [seconds for scene in scenes for seconds in scene.took]
    slow = [f"a stop took {seconds:.1f} s" for seconds in took if seconds > SECONDS]
    what = f"signal to a clean end, {number} in flight"
    figure = f"{max(took, default=TO_END):.1f} s" + f", {len(wrong)} wrong" * bool(wrong)
    return Row(what, len(took), [*wrong, *slow], f"<= {SECONDS:g} s", figure)


Argv = tuple[object, ...]
Finished = Callable[[], set[str]]


def _rollouts(folder: Path, data: Path) -> tuple[list[Argv], Argv, Finished]:
    argv = ("run", "--data_path", data, "--output_dir", folder / "outputs", "--agent", "cli_only")
    argv += ("--log_dir", folder / "logs", "--working_dir", folder / "work")
    return [], (*argv, "--skills_dir", SKILLS), lines_of(folder / "outputs" / "results.jsonl")


def _analysis(folder: Path, data: Path) -> tuple[list[Argv], Argv, Finished]:
    verdicts = folder / "outputs" / "eval_official_results.json"
    score = ("evaluate", "--data_path", data, "--output_dir", folder / "outputs")
    triage = ("triage", "--eval_results", verdicts, "--log_dir", folder / "logs", "--no_details")
    argv = ("analyze", folder, "--only", "error", "--data_path", data)
    return [score, triage], argv, cases_of(folder / "error_analysis", "*/analysis.json")


@dataclass
class _Cast:
    """Who plays what: the first few conversations end, then every other one sleeps or hangs."""

    quick: int = 0
    parts: dict[str, str] = field(default_factory=dict)

    def begin(self, quick: int) -> None:
        self.quick, self.parts = quick, {}

    def answer(self, messages: Messages) -> str | Fault:
        case = messages[1]["content"]
        others = len(self.parts) - self.quick
        late = "sleeps" if others % 2 else "hangs"
        part = self.parts.setdefault(case, late if others >= 0 else "ends")
        if part == "hangs":
            return Fault("hang", FOR_EVER)
        first = not any(message["role"] == "assistant" for message in messages)
        if part == "sleeps":
            return bash(SLEEP)
        return bash("cp input.xlsx output.xlsx") if first else DONE

    def number(self, part: str) -> int:
        return list(self.parts.values()).count(part)


@dataclass
class _Scene:
    name: str
    program: Program
    server: FaultServer
    cast: _Cast
    busy: int
    first: list[Argv]
    argv: Argv
    finished: Finished
    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def play(self) -> None:
        for argv in self.first:
            if (ended := self.program.run("trace2skill", *argv)).code != OK:
                self.wrong.append(f"{self.name}: {argv[0]}: {ended}")
        for number in SIGNALS:
            self.wrong += [f"{self.name}, {number.name}: {line}" for line in self._stop(number)]
        self.cast.begin(self.busy + len(SIGNALS) * QUICK)
        kept = len(self.finished())
        ended = self._start().ended()
        if ended.code != OK:
            self.wrong.append(f"{self.name}: the last start: {ended}")
        if len(self.cast.parts) != self.busy + len(SIGNALS) * QUICK - kept:
            asked = len(self.cast.parts)
            self.wrong.append(
                f"{self.name}: {kept} cases kept, {asked} asked for by the last start"
            )

    def _start(self) -> Running:
        flags = ("--model", MODEL, "--workers", self.busy, "--tool_slots", self.busy)
        return self.program.start("trace2skill", *self.argv, *flags)

    def _stop(self, number: signal.Signals) -> list[str]:
        """Seconds go to `took`; returned is what was not as it has to be."""
        before = len(self.finished())
        self.cast.begin(QUICK)
        running = self._start()
        if not until(lambda: self._all_busy(before) or running.has_ended, TO_BUSY):
            running.process.kill()
            return [f"not busy after {TO_BUSY:g} s: {running.ended()}"]
        started = time.monotonic()
        running.process.send_signal(number)
        if not until(lambda: running.has_ended, TO_END):
            running.process.kill()
        self.took.append(time.monotonic() - started)
        ended = running.ended()
        wrong = [f"left behind: {line}" for line in self.program.left(2.0)]
        if ended.code != INTERRUPTED or ended.trouble:
            wrong.append(f"{ended.trouble} {ended}")
        if len(self.finished()) < before + QUICK:
            wrong.append(f"{before + QUICK} cases had ended, {len(self.finished())} are kept")
        wrong += damaged(self.program.folder)
        return wrong + self._not_given_back()

    def _all_busy(self, before: int) -> bool:
        cast, server = self.cast, self.server
        sleeping = self.program.confined(SLEEP)
        return (
            len(self.finished()) >= before + QUICK
            and cast.number("sleeps") + cast.number("hangs") >= self.busy
            and server.in_flight == cast.number("hangs")
            and len(sleeping) >= cast.number("sleeps")
        )

    def _not_given_back(self) -> list[str]:
        me, places = os.getuid(), self.program.folder.rglob("*")
        return [
            f"{path.relative_to(self.program.folder)}: "
            + ("left over" if path.name.endswith(".scratch") else "belongs to another user")
            for path in places
            if path.lstat().st_uid != me or path.name.endswith(".scratch")
        ]
