"""Confine what an agent's commands can see, change and use up.

    sandbox = open_sandbox("auto")
    async with sandbox.case(folder, read_only=[skill_folder], hide=[data_set, outputs]) as bash:
        print((await bash.run("ls -l")).render())

`bwrap`: the case folder is writable; the system, the agent's Python and `read_only` can be read;
nothing else of the machine exists, there is no network, and /tmp is the case's own. Started by
root, every open case has a throwaway user to whom its folder belongs until the case is closed;
where root has none to give (a container that maps too few), the number of processes is only
watched.

`none` gives the same clean environment, time, memory, output and disk limits, and ends what a
command leaves running. It does NOT keep a command from reading or changing whatever the user who
started it can: gold workbooks, other cases, keys in files or in other processes, the network.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from react_agent.errors import ContractError
from react_agent.sandbox import bwrap
from react_agent.sandbox import users as throwaway
from react_agent.sandbox.agent_python import SEEN_AT, AgentPython, offered
from react_agent.sandbox.cgroups import find_home
from react_agent.sandbox.confine import Sandbox
from react_agent.sandbox.limits import Limits, MiB
from react_agent.sandbox.space import SHM, TMP, open_space

log = logging.getLogger(__name__)

__all__ = ["Sandbox", "SandboxKind", "open_sandbox", "tool_slots"]
SandboxKind = Literal["auto", "bwrap", "none"]

_MEND = (
    "To mend it: `apt install bubblewrap`; where it is installed, let it make namespaces "
    "(sysctl kernel.apparmor_restrict_unprivileged_userns=0 or "
    "kernel.unprivileged_userns_clone=1; a container needs --privileged)."
)


def tool_slots(wanted: int | None) -> asyncio.Semaphore:
    """For `--tool_slots`: how many commands run at once on this machine."""
    return asyncio.Semaphore(wanted or 2 * (os.cpu_count() or 1))


def open_sandbox(
    kind: SandboxKind = "auto",
    *,
    limits: Limits | None = None,
    slots: asyncio.Semaphore | None = None,
    python: AgentPython | None = None,
) -> Sandbox:
    """Start a program in the sandbox once, to see whether it can run here at all.

    Without `python` the shell has this one, without any packages. Raises ContractError where
    `bwrap` is asked for and cannot run; `auto` warns and goes without.
    """
    limits = limits or Limits()
    slots, python = slots or tool_slots(None), python or offered()
    if kind == "none":
        return Sandbox("none", limits, slots, python)
    problems = []
    for program in bwrap.candidates():
        for users in (throwaway.numbers(), iter(())) if os.getuid() == 0 else (iter(()),):
            user = next(users, None)
            if not (problem := _probe(program, user, python)):
                bounded = not _probe(program, user, python, bounded=True)
                return Sandbox("bwrap", limits, slots, python, program, bounded, find_home(), users)
            problems.append(f"{program}: {problem}")
    why = "; ".join(dict.fromkeys(problems)) or "bubblewrap is not installed"
    if kind == "bwrap":
        raise ContractError(f"--sandbox bwrap: cannot run here: {why}. {_MEND}")
    log.warning(
        "NO SANDBOX: the agent's commands run as %s on this machine. They can read the gold "
        "workbooks, other cases, your files and your keys, use the network, and delete whatever "
        "you can delete. Reason: %s. %s",
        "root" if os.getuid() == 0 else "you",
        why,
        _MEND,
        extra={"once": True},  # every stage of a reproduction comes by here
    )
    return Sandbox("none", limits, slots, python)


def _probe(program: str, user: int | None, python: AgentPython, *, bounded: bool = False) -> str:
    """Empty when Python starts in the sandbox, else why it does not."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-probe-")))
        (place / TMP).mkdir()
        (place / SHM).mkdir()
        argv = [program, *bwrap.namespaces(own_users=user is None)]
        argv += [*bwrap.mounts(place / TMP, place / SHM, python.shown, python.hidden), "--"]
        argv += throwaway.become(user) if user is not None else []
        if bounded:
            try:
                # Files enough for the places of what is shown, where the toolkit lies in /tmp.
                space = open_space(place, MiB, 1000)
            except ContractError as error:
                return str(error)
            stack.callback(space.close)
            argv = [*space.enter(), *argv]
        # Not `true`: a Python that the sandbox's user cannot read must be found out here.
        argv += [str(SEEN_AT / "bin" / "python"), "-I", "-c", "import json"]
        try:
            for one in python.shown if user is not None else ():
                throwaway.check_public(one.source)
            done = subprocess.run(
                argv, env={}, capture_output=True, timeout=30, check=False, cwd="/"
            )
        except (ContractError, OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    words = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
    return "" if done.returncode == 0 else words or f"exit code {done.returncode}"
