"""A case's writable folders on a file system of their own, so that the kernel bounds their size.

It is a tmpfs in a mount namespace that no process has to stay in: handles keep it, and with them
it goes, however this process ends. What lies in it is memory, and also counts files that were
deleted and are still held, wherever they are held. Commands enter the namespace by nsenter.
"""

import contextlib
import os
import select
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.sandbox import trees

CASE, TMP, SHM = "case", "tmp", "shm"
"""Its folders: the case's, its /tmp and its /dev/shm."""
PATIENCE = 20.0
"""Seconds for a space to stand, on a busy machine."""
_SCRIPT = (
    'mount -t tmpfs -o "$2" tmpfs "$1" && cd "$1" && umask 0 && '
    f"mkdir -m 0755 {CASE} && mkdir -m 1777 {TMP} {SHM} && echo stands && read -r _"
)


@dataclass(frozen=True)
class Space:
    top: int
    """A handle of the folder that holds the others, for this process to reach them by."""
    mounts: int
    users: int | None
    """Of the namespaces; one of users only where root has not made it."""

    def enter(self) -> list[str]:
        """The command that goes into the space and becomes what follows it."""
        own = f"/proc/{os.getpid()}/fd"
        users = [f"--user={own}/{self.users}", "--preserve-credentials"] if self.users else []
        return [_program("nsenter"), *users, f"--mount={own}/{self.mounts}", "--"]

    def folder(self, name: str) -> contextlib.AbstractContextManager[int]:
        """A handle of one of its folders."""
        return trees.inside(self.top, name)

    def close(self) -> None:
        for handle in (self.top, self.mounts, self.users):
            if handle is not None:
                os.close(handle)


def open_space(place: Path, size: int, files: int) -> Space:
    """Laid over the folder `place`, in its namespace only; that folder has to have the same
    folders in it. Raises ContractError where this machine does not let it."""
    users = ["--user", "--map-root-user"] if os.getuid() else []
    options = f"size={size},nr_inodes={files + 4},mode=0755"
    script = ["/bin/sh", "-c", _SCRIPT, "sh", str(place), options]
    with contextlib.ExitStack() as stack:
        maker = stack.enter_context(
            subprocess.Popen(
                [_program("unshare"), "--mount", *users, "--", *script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                cwd="/",
            )
        )
        stack.callback(maker.kill)
        assert maker.stdout is not None
        answer = select.poll()  # select() takes no handle from 1024 on: hundreds of cases are open
        answer.register(maker.stdout, select.POLLIN)
        ready = answer.poll(PATIENCE * 1000)
        said = os.read(maker.stdout.fileno(), 1000).decode("utf-8", "replace") if ready else ""
        if said != "stands\n":
            raise ContractError(f"no file system of a case's own: {said.strip() or 'no answer'}")
        return _opened(Path("/proc", str(maker.pid)), with_users=bool(users))


def _opened(process: Path, *, with_users: bool) -> Space:
    with contextlib.ExitStack() as undo:

        def handle(name: str, flags: int) -> int:
            opened = os.open(process / name, flags)
            undo.callback(os.close, opened)
            return opened

        top = handle("cwd", os.O_RDONLY | os.O_DIRECTORY)
        mounts = handle("ns/mnt", os.O_RDONLY)
        users = handle("ns/user", os.O_RDONLY) if with_users else None
        undo.pop_all()
    return Space(top, mounts, users)


def _program(name: str) -> str:
    found = shutil.which(name, path=f"/usr/bin:/bin:{os.environ.get('PATH', os.defpath)}")
    if found is None:
        raise ContractError(f"no file system of a case's own: {name} (util-linux) is not installed")
    return found
