"""Users that no account has: root lends each case one, so that the kernel's rules for ordinary
users hold for it - permissions, the number of processes, no capabilities."""

import itertools
import secrets
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from react_agent.errors import ContractError

_SPAN = 50_000
_BASES = (1_900_000_000, 200_000, 10_000)
"""The first that this machine or container has is used; the high one is left free by all."""


def numbers() -> Iterator[int]:
    """Endless, or empty where root has no other users or no program to become one of them.

    Starts at random, as other runs on the machine draw from the same span.
    """
    maps = []
    for name in ("uid_map", "gid_map"):
        lines = Path("/proc/self", name).read_text().splitlines()
        maps.append([(int(a), int(a) + int(n)) for a, _, n in map(str.split, lines)])
    for base in _BASES:
        if all(any(a <= base and base + _SPAN <= b for a, b in spans) for spans in maps):
            start = secrets.randbelow(_SPAN)
            return (base + (start + n) % _SPAN for n in itertools.count())
    return iter(())


def become(user: int) -> list[str]:
    """The command that turns root into `user` for good and then becomes what follows it."""
    program = shutil.which("setpriv") or "setpriv"
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    rights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return [program, *ids, *rights, "--"]


def check_public(path: Path) -> None:
    """Raises ContractError for a folder or file that a throwaway user could not read."""
    needed = 0o005 if path.is_dir() else 0o004
    if path.stat().st_mode & needed != needed:
        fix = f"chmod -R a+rX {shlex.quote(str(path))}"
        raise ContractError(f"{path}: the sandbox's user cannot read it; run: {fix}")
