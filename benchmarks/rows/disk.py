"""Every stage on a disk that fills up while it runs, and on one that cannot be written.

The disk is a small tmpfs, made smaller to the byte; only root can have one. A command has to end
with exit code 1 or 2 and one line that names a path, leave nothing half-written, and finish what
is owed once there is room; at the end all is as on a disk that never was full.
"""

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from trial.files import damaged, differing, leaves
from trial.program import Ended, Program
from trial.row import Row, Trial
from trial.server import FaultServer
from trial.stages import LEFT, TASKS, Pipeline, Stage, asked_again, scripted

from react_agent.cli import BAD_INPUT, INCOMPLETE, OK
from react_agent.files import ROOM

LEVELS, FEWER = 6, 3
"""Fill levels of each stage."""
PAGE = 4096
LOCKS = 3
"""Of the folders that rollouts write: outputs, work and logs."""
MOST = 4 << 30
"""Only a bound: a tmpfs takes what is written."""


def measure(
    trial: Trial,
    *,
    levels: int = 0,
    stages: int | None = None,
    tasks: Sequence[str] = TASKS,
    before: str = "",
) -> Row:
    """Of the first `stages` alone, where that is given."""
    what = "stages on a full or read-only disk that end badly"
    dice, tried, wrong = random.Random(trial.seed), 0, []
    with TemporaryDirectory() as name, FaultServer(scripted) as server:
        try:
            with _Disk.mounted(Path(name) / "plain") as plain:
                unbroken = _Trial(plain, server, tasks, before)
                needs = [unbroken.needs(stage) for stage in unbroken.pipeline.stages[:stages]]
                wanted = leaves(unbroken.program.folder, *LEFT)
                wrong += unbroken.wrong
        except PermissionError:
            return Row(what, 0, skipped="mounting a small disk needs root")
        with _Disk.mounted(Path(name) / "small") as small:
            pressed = _Trial(small, server, tasks, before)
            for stage, need in zip(pressed.pipeline.stages, needs, strict=False):
                rooms = _rooms(dice, levels or _levels(trial), need)
                tried += pressed.through(stage, rooms)
            wrong += pressed.wrong
            wrong += differing(wanted, leaves(pressed.program.folder, *LEFT))
    return Row(what, tried, wrong)


def _levels(trial: Trial) -> int:
    return FEWER if trial.reduced else LEVELS


def _rooms(dice: random.Random, levels: int, need: int) -> list[int]:
    """None; what the locks take; then some of what is needed, on a disk full for agents or not."""
    some = [int(dice.random() * need) + (level % 2) * ROOM for level in range(3, levels + 1)]
    return [0, LOCKS * PAGE, *some][:levels]


class _Disk:
    def __init__(self, place: Path) -> None:
        self.place = place

    @classmethod
    @contextlib.contextmanager
    def mounted(cls, place: Path) -> "Iterator[_Disk]":
        """Raises PermissionError where nothing can be mounted."""
        place.mkdir()
        disk = cls(place)
        disk._mount("-t", "tmpfs", "-o", f"size={MOST}", "tmpfs")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)

    def _mount(self, *flags: str) -> None:
        command = ["mount", *flags, str(self.place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PermissionError(f"{self.place}: {done.stderr.strip()}")

    @property
    def used(self) -> int:
        found = os.statvfs(self.place)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    @contextlib.contextmanager
    def leaving(self, room: int) -> Iterator[None]:
        self._mount("-o", f"remount,size={self.used + room}")
        try:
            yield
        finally:
            self._mount("-o", f"remount,size={MOST}")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        self._mount("-o", "remount,ro")
        try:
            yield
        finally:
            self._mount("-o", "remount,rw")


class _Trial:
    """One pass through the stages on one disk."""

    def __init__(self, disk: _Disk, server: FaultServer, tasks: Sequence[str], before: str) -> None:
        self.disk, self.server = disk, server
        self.program = Program(disk.place, server.url, before)
        self.pipeline = Pipeline(self.program.folder, tasks)
        self.pipeline.lay_out()
        self.wrong: list[str] = []

    def needs(self, stage: Stage) -> int:
        """Bytes that a start with room for all writes."""
        used = self.disk.used
        self._finish(stage)
        return self.disk.used - used

    def through(self, stage: Stage, rooms: list[int]) -> int:
        """How often the stage could not go on."""
        hit = 0
        for room in rooms:
            with self.disk.leaving(room):
                ended = self.program.run(stage.module, *stage.argv)
            if ended.code != OK:
                hit += 1
                self._look(f"{stage.name} with {room} bytes left", ended)
        with self.disk.read_only():
            ended = self.program.run(stage.module, *stage.argv)
        if ended.code != OK:
            hit += 1
            self._look(f"{stage.name} on a read-only disk", ended)
        self._finish(stage)
        self.wrong += damaged(self.program.folder)
        return hit

    def _finish(self, stage: Stage) -> None:
        finished, first = stage.finished(), len(self.server.asked)
        ended = self.program.run(stage.module, *stage.argv)
        if ended.code != OK:
            self.wrong.append(f"{stage.name} with room: {ended}")
        self.wrong += asked_again(stage, finished, self.server.asked[first:])

    def _look(self, where: str, ended: Ended) -> None:
        lines = [x for x in ended.complained.splitlines() if x.startswith(("error:", "stopped:"))]
        if ended.trouble or ended.code not in (INCOMPLETE, BAD_INPUT):
            self.wrong.append(f"{where}: {ended.trouble or ended}")
        elif len(lines) != 1 or str(self.program.folder) not in lines[0]:
            self.wrong.append(f"{where}: no one line that names a path: {ended}")
        self.wrong += [f"{where}: {line}" for line in damaged(self.program.folder, full=True)]
