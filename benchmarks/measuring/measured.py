"""Run the `main(argv)` of a module in this process and write down what it used.

    PYTHONPATH=benchmarks python -P benchmarks/measuring/measured.py \
        USED.json MODULE[,MODULE...] [flags of the first module]

All modules are imported before the count begins, so that start-up stands apart. What commands and
workers of the program use is counted by the kernel as its children's.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring.folders import environment, started


@dataclass(frozen=True)
class Used:
    wall: float
    cpu: float
    children: float
    start_up: float
    """CPU seconds of the interpreter and the imports; in none of the others."""
    peak_mb: float
    """Of this process alone, as the kernel kept it."""


def run(modules: str, argv: Sequence[object], env: dict[str, str] | None = None) -> Used:
    """In a process of its own, which has to end well."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "used.json"
        command = started(__file__, file, modules, *argv)
        subprocess.run(command, env=environment(env), stdout=subprocess.DEVNULL, check=True)
        return Used(**json.loads(file.read_text()))


def adopt_orphans() -> None:
    """Bubblewrap ends without waiting for the process inside, whose CPU would then be nobody's: as
    a subreaper (Linux) this process inherits it. Where that fails it stays uncounted."""
    set_child_subreaper = 36
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def bury_orphans() -> None:
    """Only while no child is waited for by anybody else: this takes whichever has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _peak_mb() -> float:
    # Not ru_maxrss: it starts with the memory of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def main(argv: Sequence[str]) -> int:
    file, modules, *flags = argv
    first, *_ = [importlib.import_module(name) for name in modules.split(",")]
    start_up, before = _cpu(resource.RUSAGE_SELF), time.monotonic()
    adopt_orphans()
    code: int = first.main(flags)
    wall, cpu = time.monotonic() - before, _cpu(resource.RUSAGE_SELF) - start_up
    bury_orphans()
    used = Used(wall, cpu, _cpu(resource.RUSAGE_CHILDREN), start_up, _peak_mb())
    Path(file).write_text(json.dumps(asdict(used)))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
