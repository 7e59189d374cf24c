"""What the sandbox adds to a tool call.

    python benchmarks/tool_start.py [--calls 5] [--at-once 1,4]

A `true`, a Python that imports openpyxl and one that imports pandas, each through the agent's shell
(sandbox/door.py: bubblewrap, or `none`, which keeps limits only) and, as the base, through a
bare `bash -c` subprocess. Ways and commands take turns, so that other load on the machine hits all
alike; figures are medians of the calls, ratios and differences those of the medians. Wall is what
an agent waits for one call; CPU is that of the call's processes and of the framework that starts
and watches them. `at once` keeps so many calls running, each in a case of its own.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import mean, median

from measuring.measured import adopt_orphans, bury_orphans
from measuring.table import ratio, show

from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.bash import Bash
from react_agent.sandbox.door import Sandbox, open_sandbox
from spreadsheet_agent.domain import PACKAGES

COMMANDS = {
    "true": "true",
    "openpyxl": 'python -c "import openpyxl"',
    "pandas": 'python -c "import pandas"',
}
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
    "PYTHONDONTWRITEBYTECODE": "1",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
"""As in the sandbox: the threads that numpy makes by itself would cost the bare call more."""
Call = Callable[[str], Awaitable[int]]
Seen = dict[tuple[str, str], list[tuple[float, float]]]
"""Of a command in a way, the figures of each round."""


def used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


async def bare(command: str) -> int:
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    await process.communicate()
    return process.returncode or 0


def through(shell: Bash) -> Call:
    async def call(command: str) -> int:
        return (await shell.run(command)).exit_code

    return call


async def timed(calls: list[Call], command: str) -> tuple[float, float]:
    """Mean wall and CPU seconds of a call; all started together."""

    async def one(call: Call) -> float:
        started = time.perf_counter()
        code = await call(command)
        assert code == 0, f"{command}: exit code {code}"
        return time.perf_counter() - started

    bury_orphans()
    before = used()
    walls = await asyncio.gather(*(one(call) for call in calls))
    await asyncio.sleep(0.01)  # the process inside ends a moment after the one outside
    bury_orphans()
    return mean(walls), (used() - before) / len(walls)


async def measure(
    sandboxes: dict[str, Sandbox], commands: dict[str, str], at_once: int, calls: int
) -> list[list[object]]:
    seen: Seen = {}
    async with contextlib.AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ways: dict[str, list[Call]] = {"bare": [bare] * at_once}
        for name, sandbox in sandboxes.items():
            ways[name] = []
            for number in range(at_once):
                folder = root / f"{name}-{number}"
                folder.mkdir()
                ways[name].append(through(await stack.enter_async_context(sandbox.case(folder))))
        for count in range(calls + 1):
            for label, command in commands.items():
                for name, way in ways.items():
                    figures = await timed(way, command)
                    if count:  # the first call of each warms the page cache
                        seen.setdefault((label, name), []).append(figures)
    return [row(label, name, at_once, seen) for label, name in seen]


def typical(figures: list[tuple[float, float]]) -> tuple[float, float]:
    """Milliseconds: wall and CPU."""
    walls, cpus = zip(*figures, strict=True)
    return 1000 * median(walls), 1000 * median(cpus)


def row(label: str, name: str, at_once: int, seen: Seen) -> list[object]:
    wall, cpu = typical(seen[label, name])
    base_wall, base_cpu = typical(seen[label, "bare"])
    figures = [f"{wall:.0f}", ratio(wall, base_wall), f"{wall - base_wall:+.0f}"]
    figures += [f"{cpu:.0f}", ratio(cpu, base_cpu), f"{cpu - base_cpu:+.0f}"]
    return [label, name, at_once, *figures]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--at-once", default="1,4", help="calls running together, comma separated")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="of the table's")
    args = parser.parse_args()
    chosen = {name: COMMANDS[name] for name in args.commands.split(",")}
    adopt_orphans()
    slots = asyncio.Semaphore(1000)
    python = offered(PACKAGES)
    confined, plain = (open_sandbox(kind, slots=slots, python=python) for kind in ("auto", "none"))
    ways = {"none": plain, confined.kind: confined}
    rows: list[list[object]] = []
    for part in args.at_once.split(","):
        rows += asyncio.run(measure(ways, chosen, int(part), args.calls))
    heads = ["command", "way", "at once", "wall ms", "/ bare", "more", "CPU ms", "/ bare", "more"]
    show("A tool call", heads, rows)


if __name__ == "__main__":
    main()
