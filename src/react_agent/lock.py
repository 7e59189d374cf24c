"""One start at a time on one folder: the second is told who holds it."""

import contextlib
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import lock, naming

NAME = ".lock"


@contextlib.contextmanager
def only_starts(folders: Iterable[Path]) -> Iterator[None]:
    """Hold all of them; one that is named twice is held once. Raises ContractError as below."""
    with contextlib.ExitStack() as held:
        for folder in dict.fromkeys(folder.resolve() for folder in folders):
            held.enter_context(only_start(folder))
        yield


@contextlib.contextmanager
def only_start(folder: Path, what: str = "") -> Iterator[None]:
    """Hold `folder` while the block lasts. Raises ContractError when another process does, which
    calls it by `what` it stands for.

    The kernel gives the lock back when its holder ends, however it ends, so none can be stale.
    On a disk without locks nothing is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("ab+", buffering=0) as file:
        try:
            lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ContractError(
                f"{what or folder} is being worked on by {_holder(file.name)}"
            ) from None
        stage = [word for word in sys.argv[1:2] if not word.startswith("-")]
        command = " ".join([Path(sys.argv[0]).name, *stage])  # without flags, which can be a key
        now = datetime.now(UTC).isoformat(timespec="seconds")
        me = {"pid": os.getpid(), "host": socket.gethostname(), "since": now, "command": command}
        with naming(folder / NAME):
            file.truncate(0)
            file.write(json.dumps(me).encode())
        yield


def _holder(path: str) -> str:
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8"))
        return (
            f"process {held['pid']} on {held['host']} since {held['since']} ({held['command']}); "
            "wait for it or end it"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
