"""Row `escapes`: hostile commands through the real sandbox, and the signs outside that one left it.

As the user who starts this, and, where that is root, once more as an ordinary user.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostile.commands import (
    ESCAPES,
    ESCAPES_OF_ROOT,
    ESCAPES_OF_SOME_MACHINES,
    OUTPUTS,
    RESULTS,
    SURVIVORS,
)
from hostile.hogs import FORK_BOMB, HOGS, HOGS_OF_SPACE, HOGS_OF_THE_KERNEL, Hog
from hostile.scene import HIDDEN, Scene, as_nobody, limited, scene
from measuring.folders import PATH, started
from trial.row import Row, Trial

from react_agent.engines.queue import work_queue
from react_agent.errors import ContractError
from react_agent.sandbox.door import Sandbox, SandboxKind, open_sandbox
from react_agent.sandbox.limits import Limits, MiB
from react_agent.sandbox.untrusted import take_file

AT_ONCE = 3
LONGEST = 15.0
"""Seconds that any of these commands may take, whatever it tries."""


@dataclass(frozen=True)
class Attack:
    name: str
    tried: Callable[[Scene, Sandbox], Awaitable[list[str]]]
    """Gives the signs of an escape."""


def attacks(kind: str = "bwrap", *, bounded: bool = True) -> list[Attack]:
    """All of them; without a sandbox those that harm nothing but their scene. `bounded` where the
    kernel is to bound what a case writes."""
    once = {**ESCAPES, **OUTPUTS}
    if kind != "none":
        once |= ESCAPES_OF_ROOT | ESCAPES_OF_SOME_MACHINES
    found = [Attack(name, _after(command)) for name, command in once.items()]
    found += [Attack(f"{way} (survivor)", _after(SURVIVORS[way], seconds=0.5)) for way in SURVIVORS]
    if kind != "none":
        bombs = {**HOGS, **HOGS_OF_THE_KERNEL, "fork bomb": FORK_BOMB}
        bombs |= HOGS_OF_SPACE if bounded else {}
        found += [Attack(f"{name} (hog)", _hog(hog)) for name, hog in bombs.items()]
        found += [Attack(f"{name} as output.xlsx", _left(RESULTS[name])) for name in RESULTS]
    return found


def _after(command: str, **limits: float) -> Callable[[Scene, Sandbox], Awaitable[list[str]]]:
    async def tried(one: Scene, sandbox: Sandbox) -> list[str]:
        result = await one.attempt(limited(sandbox, **limits), one.placed(command), hide=HIDDEN)
        return one.signs(result)

    return tried


def _hog(hog: Hog) -> Callable[[Scene, Sandbox], Awaitable[list[str]]]:
    """An escape is one that goes on, ends otherwise than at its limit, or keeps what it took."""
    command, limits, killed, codes = hog

    async def tried(one: Scene, sandbox: Sandbox) -> list[str]:
        result = await one.attempt(limited(sandbox, **limits), one.placed(command), hide=HIDDEN)
        signs = one.signs(result)
        # On a busy machine the time may be up before the limit is met: that stops it as well.
        if result.killed not in {*killed, "timeout"} or result.exit_code not in {*codes, 137}:
            how = (
                f"{result.killed or 'itself'}, exit code {result.exit_code}: {result.text[-200:]!r}"
            )
            signs.append(f"it ended by {how}")
        one_file = limits.get("file_bytes", float("inf"))
        if any(path.stat().st_size > one_file for path in one.folder.glob("f")):
            signs.append("its file is larger than a file may be")
        left = sum(path.lstat().st_blocks * 512 for path in one.folder.rglob("*"))
        if sandbox.bounded and left > limits.get("folder_bytes", float("inf")):
            signs.append("its files are larger than all may be")
        return signs

    return tried


def _left(command: str) -> Callable[[Scene, Sandbox], Awaitable[list[str]]]:
    """An escape is an output that is taken, or that the harness waits for."""

    async def tried(one: Scene, sandbox: Sandbox) -> list[str]:
        result = await one.attempt(sandbox, one.placed(command), hide=HIDDEN)
        target = one.root / "outputs" / "output.xlsx"
        try:
            taken = take_file(one.folder / "output.xlsx", target, MiB)
        except ContractError:
            taken = None
        return [*one.signs(result), *(["it was taken for a workbook"] if taken else [])]

    return tried


async def escaped(sandbox: Sandbox, chosen: Sequence[Attack], base: Path) -> list[str]:
    """One line for each attack that left the sandbox or its limits."""

    async def attempt(attack: Attack) -> list[str]:
        root = Path(tempfile.mkdtemp(dir=base))
        root.chmod(0o755)
        started = time.monotonic()
        try:
            with scene(root) as one:
                signs = await attack.tried(one, sandbox)
                if time.monotonic() - started > LONGEST:
                    signs.append(f"it took {time.monotonic() - started:.0f} s")
        finally:  # not Python's own removal: some of the trees are deeper than it can go
            await asyncio.to_thread(subprocess.run, ["rm", "-rf", "--", root], check=False)
        return [f"{attack.name}: {sign}" for sign in signs]

    outcomes = await work_queue(attempt, chosen, workers=AT_ONCE)
    errors = [f"{o.item.name}: {type(o.error).__name__}: {o.error}" for o in outcomes if o.error]
    return [line for o in outcomes for line in o.value or ()] + errors


def everything(kind: SandboxKind, base: Path, every: int = 1) -> tuple[int, list[str]]:
    """How many were tried as this user, and what escaped; of `every` so many one. Raises
    ContractError without bubblewrap."""
    sandbox = open_sandbox(kind, limits=Limits(seconds=10))
    chosen = attacks(sandbox.kind, bounded=sandbox.bounded)[::every]
    return len(chosen), asyncio.run(escaped(sandbox, chosen, base))


def _as_ordinary_user(every: int) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory(prefix="escapes-", dir="/tmp") as name:
        Path(name).chmod(0o777)
        argv = as_nobody(Path(name), started(__file__, name, every), **PATH)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        return 0, [f"as an ordinary user: {done.stderr.strip()[-300:]}"]
    tried, found = json.loads(done.stdout)
    return tried, [f"as an ordinary user: {line}" for line in found]


def measure(trial: Trial) -> Row:
    what = "commands that left the sandbox or its limits"
    try:
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)
            tried, wrong = everything("bwrap", Path(name))
    except ContractError as error:
        return Row(what, 0, skipped=str(error))
    if os.getuid() == 0:
        more, found = _as_ordinary_user(3 if trial.reduced else 1)
        tried, wrong = tried + more, wrong + found
    return Row(what, tried, wrong)


if __name__ == "__main__":
    print(json.dumps(everything("bwrap", Path(sys.argv[1]), int(sys.argv[2]))))
