"""What the sandbox adds to a tool call.

    python benchmarks/tool_start.py [--calls 5] [--at-once 1,4]

A `true`, a Python that imports openpyxl and one that imports pandas, each through the agent's shell
(react_agent.sandbox: bubblewrap, or `none`, which keeps limits only) and, as the base, through a
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
import shlex
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from measured import adopt_orphans, bury_orphans
from table import ratio, show

from react_agent.bash import Bash
from react_agent.sandbox import Kind, Sandbox, open_sandbox

PYTHON = shlex.quote(sys.executable)
COMMANDS = {
    "true": "true",
    "openpyxl": f'{PYTHON} -c "import openpyxl"',
    "pandas": f'{PYTHON} -c "import pandas"',
}
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "PYTHONDONTWRITEBYTECODE": "1",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
"""As in the sandbox: the threads that numpy makes by itself would cost the bare call more."""
Call = Callable[[str], Awaitable[int]]


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
    """Mean wall seconds of a call and CPU seconds a call, all started together."""

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
    return sum(walls) / len(walls), (used() - before) / len(walls)


async def measure(
    sandboxes: dict[str, Sandbox], commands: dict[str, str], at_once: int, calls: int
) -> list[list[object]]:
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {}
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


def row(
    label: str, name: str, at_once: int, seen: dict[tuple[str, str], list[tuple[float, float]]]
) -> list[object]:
    wall, cpu = (1000 * median(one) for one in zip(*seen[label, name], strict=True))
    base_wall, base_cpu = (1000 * median(one) for one in zip(*seen[label, "bare"], strict=True))
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
    kinds: tuple[Kind, ...] = ("auto", "none")
    opened = [open_sandbox(kind, slots=asyncio.Semaphore(1000)) for kind in kinds]
    rows: list[list[object]] = []
    for part in args.at_once.split(","):
        ways: dict[str, Sandbox] = {sandbox.kind: sandbox for sandbox in opened}
        rows += asyncio.run(measure(ways, chosen, int(part), args.calls))
    heads = ["command", "way", "at once", "wall ms", "/ bare", "more", "CPU ms", "/ bare", "more"]
    show("A tool call", heads, rows)


if __name__ == "__main__":
    main()
