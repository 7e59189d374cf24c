"""Files are written whole: to a temporary name beside the target, then renamed onto it."""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from react_agent.errors import ContractError

log = logging.getLogger(__name__)

ROOM = 16 << 20
"""Bytes that have to be free where agents work: with less, their tools fail before results do."""


MAX_NAME = 255
"""Bytes of a file's name, on the disks that there are."""
VERSION_CONTROL = (".git", ".hg", ".svn")
"""What a checkout keeps for itself; it changes while the files stay the same."""
NO_CONTENT = frozenset({"__pycache__", ".DS_Store", *VERSION_CONTROL})
"""Names of what belongs to no skill and no data."""
SKILL_FILE = "SKILL.md"
"""What makes a folder a skill."""


def check_room(folder: Path) -> None:
    """Raises OSError on a full disk, where what an agent does says nothing about the agent."""
    if shutil.disk_usage(folder).free < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def refuses_writes(error: BaseException) -> bool:
    """Whether it is the disk's doing, so that all that follows would fail as well."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return isinstance(error, OSError) and error.errno in full


_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_told: set[str] = set()


def lock(file: IO[Any], operation: int) -> None:
    """Raises BlockingIOError when another process holds the file. A disk that knows no locks is
    told of once, and gone on with."""
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        if not _told:
            _told.add(str(file.name))
            log.warning(
                "%s: this disk knows no file locks (%s), so nothing keeps two commands apart "
                "there: start one at a time",
                file.name,
                error.strerror,
            )


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    with replacing(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644, synced: bool = True) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends. Readers see the old file or the
    new one, never a part, also after a crash; `synced` also after a power cut."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file, name = _temporary(path)
        try:
            with file:
                os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                if synced:
                    os.fsync(file.fileno())
                name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """A full disk, say, is told by the file that was to be written, not by a temporary one."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _temporary(path: Path) -> tuple[IO[bytes], Path]:
    """A new file beside the target, held locked. Its name is the target's, so that the rest of a
    killed writer is met again without a look through the folder."""
    usual = path.with_name(f".{path.name}.tmp")
    while len(usual.name.encode()) <= MAX_NAME:
        try:
            file = usual.open("xb")
        except FileExistsError:
            if not _dropped(usual):
                break
        else:
            lock(file, fcntl.LOCK_EX)
            if _is_at(file, usual):
                return file, usual
            file.close()  # taken for a rest before it was locked
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    return os.fdopen(handle, "wb"), Path(name)


def _dropped(rest: Path) -> bool:
    """Remove what a killed writer left; a living one holds its own locked."""
    try:
        with rest.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, rest):
                rest.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_json(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Raises ContractError that names the file, and the line where the JSON breaks."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{path}: is not JSON: {error}") from error


def append_line(path: Path, value: Any, *, synced: bool = True) -> None:
    """Add one JSON line in a single write; a torn last line of an earlier crash is closed first.

    `synced` also survives a power cut, at milliseconds a line. What a full disk cuts is taken back.
    """
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            end = file.tell()
            if end and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                line = b"\n" + line
            done = 0
            try:
                while done < len(line):
                    done += file.write(line[done:])
                if synced:
                    os.fsync(file.fileno())
            except OSError:
                if file.seek(0, os.SEEK_END) == end + done:
                    file.truncate(end)
                raise


def read_lines(path: Path) -> Iterator[Any]:
    """The values of a JSON-lines file; a torn line is work still owed, so it is passed over."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


def digest(*parts: bytes | str) -> str:
    """sha256 over the parts, each with its length, so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def copy_folder(source: Path, target: Path) -> None:
    """Of a skill, or a root of skills, where there is none yet: whole or not there, whenever this
    is killed."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    for torn in target.parent.glob(f".{target.name}.copy.*"):
        shutil.rmtree(torn, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.copy.", dir=target.parent) as place:
        copy = Path(place) / target.name
        shutil.copytree(source, copy, ignore=no_content(source))
        copy.rename(target)


def no_content(root: Path) -> Callable[[str, list[str]], set[str]]:
    """For `shutil.copytree`: what is no part of the skill, or root of skills, that is copied.

    Of a link the file that it leads to is; a folder behind one may be a home, or go round in a
    circle, so only a skill may be linked into its root.
    """

    def names_of(place: str, names: list[str]) -> set[str]:
        left = {*NO_CONTENT.intersection(names)}
        for link in (path for name in names if (path := Path(place, name)).is_symlink()):
            in_root = Path(place) == root and not (root / SKILL_FILE).exists()
            if not (link.is_file() or (in_root and (link / SKILL_FILE).is_file())):
                left.add(link.name)
        return left

    return names_of


def digest_tree(root: Path) -> str:
    """One hash for all regular files below `root`: their relative names and contents."""
    parts: list[bytes | str] = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        relative = path.relative_to(root)
        if not NO_CONTENT.intersection(relative.parts):
            parts += [relative.as_posix(), path.read_bytes()]
    return digest(*parts)
