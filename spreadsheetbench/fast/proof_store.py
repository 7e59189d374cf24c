"""Proofs that outlive a process: what openpyxl makes of a package without its rows, by its content.

They lie in the user's own cache folder, which the agent's sandbox does not show. A folder that
others could write to is not used. Who runs agents without a sandbox gives them the user's rights:
over these files, as over the verdicts themselves; `--proof_cache off` leaves them out.
"""

import hashlib
import logging
import os
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Literal

import openpyxl
from pydantic import TypeAdapter, ValidationError

from spreadsheetbench.fast.frames import Frame

log = logging.getLogger(__name__)

ProofCache = Literal["user", "off"]

MAX_BYTES = 64 * 2**20
"""Of all proofs; the oldest go first."""
MAX_PROOF = 256 * 2**10
"""Where thousands of cells are merged it is quicker to prove anew."""

_DECIDING = ("archive", "frames", "lazy_styles", "load_proof", "sheet_xml")
"""Modules whose change makes proofs worthless."""
_frame = TypeAdapter(Frame)
_folder: Path | None = None


def use(which: ProofCache) -> None:
    """From now on, in this process."""
    global _folder
    _folder = _opened(user_folder()) if which == "user" else None


def user_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "trace2skill" / "proofs"


def get(key: bytes) -> Frame | None:
    if _folder is None:
        return None
    try:
        return _frame.validate_json((_folder / key.hex()).read_bytes())
    except (OSError, ValidationError):
        return None


def keep(key: bytes, frame: Frame) -> None:
    """A cache that cannot be written to costs time only."""
    if _folder is None:
        return
    content = _frame.dump_json(frame)
    if len(content) > MAX_PROOF:
        return
    unfinished = _folder / f"{key.hex()}.{os.getpid()}"
    try:
        unfinished.write_bytes(content)
        unfinished.replace(_folder / key.hex())
    except OSError as error:
        log.info("a proof could not be kept: %s", error)


@cache
def _opened(folder: Path) -> Path | None:
    """The folder for this version of everything that decides, if it is nobody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not mine or status.st_mode & 0o077:
            log.warning("%s: not used, as others may write to it", folder)
            return None
        _make_room(folder)
        own = folder / _version()
        own.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        log.info("no proofs are kept: %s", error)
        return None
    return own


def _make_room(folder: Path) -> None:
    """Once in a process; in between a run adds a few kilobytes for each new kind of workbook."""
    files = [(path.stat(), path) for path in folder.glob("*/*")]
    total = sum(status.st_size for status, _ in files)
    for status, path in sorted(files, key=lambda one: one[0].st_mtime):
        if total <= MAX_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= status.st_size


@cache
def _version() -> str:
    told = hashlib.blake2b(f"{openpyxl.__version__} {sys.version}".encode(), digest_size=8)
    for name in _DECIDING:
        told.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return told.hexdigest()
