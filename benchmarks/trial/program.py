"""The toolkit's commands as processes of their own, which can be killed, and what they leave."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from measuring.folders import ROOT

AS_MODULE = "import runpy, sys; del sys.argv[0]; runpy.run_module(sys.argv[0], None, '__main__')"


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    complained: str

    @property
    def trouble(self) -> str:
        """Why this is no clean end: what ended with a traceback or a signal."""
        if self.code < 0:
            return f"ended by signal {-self.code}"
        if "Traceback (most recent call last)" in self.complained:
            return f"traceback: {self.complained.strip().splitlines()[-1][:200]}"
        return ""

    def __str__(self) -> str:
        lines = (self.complained or self.said).strip().splitlines()
        return f"exit code {self.code}: {lines[-1][:200] if lines else ''}"


class Running:
    def __init__(self, process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes]) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ended(self, seconds: float = 600.0) -> Ended:
        """Waits for it."""
        code = self.process.wait(seconds)
        said = []
        for file in (self._out, self._err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
            file.close()
        return Ended(code, *said)

    def signalled_after(self, seconds: float, number: int = signal.SIGKILL) -> bool:
        """Whether the signal met it; otherwise it had ended by itself."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(number)
            return True
        return False


@dataclass(frozen=True)
class Program:
    """Starts `python -m MODULE ...` on one folder and one endpoint."""

    folder: Path
    """All that it writes lies below."""
    url: str
    before: str = ""
    """Python that runs first: a test takes a defence out with it."""

    def start(self, module: str, *argv: object) -> Running:
        code = f"{self.before}\n{AS_MODULE}"
        command = [sys.executable, "-c", code, module, *map(str, argv)]
        if not self.before:
            command[1:3] = ["-m"]
        keys = {"OPENAI_API_KEY": "EMPTY", "OPENAI_BASE_URL": self.url, "TMPDIR": str(self.tmp)}
        out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed when it has ended)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **keys},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        return Running(process, out, err)

    def run(self, module: str, *argv: object) -> Ended:
        return self.start(module, *argv).ended()

    @property
    def tmp(self) -> Path:
        """Beside the folder: what fills up is the disk of the results."""
        place = self.folder.with_name(f"{self.folder.name}-tmp")
        place.mkdir(parents=True, exist_ok=True)
        return place

    def left(self, seconds: float) -> list[str]:
        """Processes of this folder that are still there after so long."""
        until(lambda: not list(self._mine()), seconds)
        return [f"still runs: {said}" for _, said in self._mine()]

    def confined(self, command: str) -> list[int]:
        """Shells of this folder that run such a command, each sandbox counted once."""
        shell = f"/bin/bash -c {command}"
        return [pid for pid, said in self._mine() if said.strip() == shell]

    def _mine(self) -> Iterator[tuple[int, str]]:
        """By the environment: a confined command has its HOME below the folder."""
        mark = str(self.folder).encode()
        for place in Path("/proc").iterdir():
            if place.name.isdigit() and int(place.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if mark in (place / "environ").read_bytes():
                        said = (place / "cmdline").read_bytes().replace(b"\0", b" ")
                        yield int(place.name), said.decode("utf-8", "replace")[:100]


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
