"""Folders that belong to one process and go with it, also when it is killed."""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from react_agent.sandbox.trees import held

_NEW = 60
"""Seconds after which a folder without a lock is nobody's."""


def process_folder(prefix: str) -> Path:
    """A new folder that everybody can read. Those of its name that killed processes left go."""
    _remove_stale(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    with contextlib.suppress(OSError):  # without locks on the disk none is ever taken for stale
        # for as long as this process lives
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
    atexit.register(_remove, folder, os.getpid())
    folder.chmod(0o755)
    return folder


def _remove_stale(prefix: str) -> None:
    """Those of processes that were killed: the kernel has taken their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        with contextlib.suppress(OSError), held(folder, flags) as handle:
            status = os.fstat(handle)
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > _NEW:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)
