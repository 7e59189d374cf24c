"""Go through, hand over and remove folders in which an untrusted program could do as it liked.

Every step is taken from the folder that holds the entry, by a handle and never by a path, and no
link is followed. So neither a path's length nor a link that takes a folder's place matters, and
with what lies too deep set aside no tree takes more than a few handles.
"""

import contextlib
import errno
import os
import secrets
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

DEEPEST = 64
"""Folders below this depth are not entered."""
PATIENCE = 1.0
"""Seconds for removing a tree; the rest is left to a process of its own."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW

Visit = Callable[[int, str, os.stat_result], None]
"""Sees the handle of the folder, the entry's name in it, and what it is."""
ByName = Callable[[int, str], None]


def visit(top: int, each: Visit, *, deeper: ByName, leave: ByName = lambda at, name: None) -> None:
    """Every entry below an open folder, a folder before what is in it; other file systems are
    left alone. `deeper` gets the folders that are not entered, `leave` the others afterwards."""
    device = os.fstat(top).st_dev
    waiting = [(top, _visit_one(top, device, each))]
    try:
        while waiting:
            at, folders = waiting[-1]
            if not folders:
                waiting.pop()
                if waiting:
                    os.close(at)
                    leave(waiting[-1][0], waiting[-1][1].pop())
            elif len(waiting) >= DEEPEST:
                deeper(at, folders.pop())
            else:
                below = os.open(folders[-1], _FOLDER, dir_fd=at)
                waiting.append((below, []))  # so that it is closed whatever comes next
                waiting[-1] = (below, _visit_one(below, device, each))
    finally:
        for at, _ in waiting[1:]:
            os.close(at)


def _visit_one(at: int, device: int, each: Visit) -> list[str]:
    folders = []
    with os.scandir(at) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if status.st_dev != device:
                continue
            each(at, entry.name, status)
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.name)
    return folders


def give(top: int, user: int, group: int, deeper: ByName) -> str:
    """Hand over a folder and all in it. Returns what failed first; the rest is given all the same.

    A program that would run with its owner's rights loses them when it changes hands."""
    problems = []

    def chown(at: int, name: str, status: os.stat_result) -> None:
        try:
            os.chown(name, user, group, dir_fd=at, follow_symlinks=False)
        except OSError as error:
            problems.append(f"{name!r}: {error.strerror}")

    try:
        os.chown(top, user, group)
        visit(top, chown, deeper=deeper)
    except OSError as error:
        problems.append(str(error))
    return problems[0] if problems else ""


def take_back(at: int, name: str, status: os.stat_result) -> None:
    """What a user closed to itself is open to it again, and no program has its owner's rights."""
    if stat.S_ISLNK(status.st_mode):
        return
    wanted = stat.S_IRWXU if stat.S_ISDIR(status.st_mode) else stat.S_IRUSR | stat.S_IWUSR
    mode = stat.S_IMODE(status.st_mode)
    new = (mode | wanted) & ~(stat.S_ISUID | stat.S_ISGID)
    if mode != new:
        _change_mode(at, name, new)


def _change_mode(at: int, name: str, mode: int) -> None:
    """Of the very entry, should a link have taken its place."""
    with held(name, os.O_PATH | os.O_NOFOLLOW, at) as handle:
        if not stat.S_ISLNK(os.fstat(handle).st_mode):
            Path(f"/proc/self/fd/{handle}").chmod(mode)


@contextlib.contextmanager
def held(path: str | Path, flags: int, at: int | None = None) -> Iterator[int]:
    """A handle for as long as the block lasts."""
    handle = os.open(path, flags, dir_fd=at)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A handle of a folder that is no link; its own user may have closed it to itself."""
    with (
        held(folder.parent, os.O_PATH | os.O_DIRECTORY) as parent,
        inside(parent, folder.name) as handle,
    ):
        yield handle


def inside(at: int, name: str) -> contextlib.AbstractContextManager[int]:
    """The same for a folder in an open one."""
    if os.stat(name, dir_fd=at, follow_symlinks=False).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        _change_mode(at, name, 0o700)
    return held(name, _FOLDER, at)


@contextlib.contextmanager
def file_to_read(at: int, name: str) -> Iterator[int]:
    """The same for a regular file. Raises OSError for what is none."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        handle = os.open(name, flags, dir_fd=at)
    except PermissionError:
        _change_mode(at, name, 0o600)
        handle = os.open(name, flags, dir_fd=at)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        yield handle
    finally:
        os.close(handle)


def write_file(at: int, name: str, content: bytes) -> None:
    """A file that all can read, in place of whatever has that name. Raises OSError, and leaves
    none, where that is a folder or the room does not suffice."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=at)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=at), "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=at)
        raise


def lay(top: int, place: PurePath, *, is_folder: bool) -> None:
    """Have folders on the way to a place below an open one, and at the place a folder or nothing
    but a file: what stands in the way is taken out, and so is a link."""
    with contextlib.ExitStack() as handles:
        for part in place.parts if is_folder else place.parts[:-1]:
            if not _fits(top, part, stat.S_ISDIR):
                os.mkdir(part, dir_fd=top)
                _change_mode(top, part, 0o755)
            top = handles.enter_context(inside(top, part))
        if not is_folder:
            _fits(top, place.name, stat.S_ISREG)


def _fits(at: int, name: str, wanted: Callable[[int], bool]) -> bool:
    """Whether it is there and as it is wanted; what is not so is taken out."""
    try:
        mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if not wanted(mode) and not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=at)
    return wanted(mode)


def only_files(folder: Path, most: int) -> None:
    """Leave regular files and folders alone, for who is to read them by their paths: no link that
    leads elsewhere, no pipe that never ends, and no more than so many bytes together."""
    left = most

    def take_out(at: int, name: str, status: os.stat_result) -> None:
        nonlocal left
        if stat.S_ISDIR(status.st_mode):
            return
        left -= status.st_size
        if left < 0 or not stat.S_ISREG(status.st_mode):
            os.unlink(name, dir_fd=at)

    try:
        with opened(folder) as top:
            visit(top, take_out, deeper=_refuse)
    except OSError:  # no folder any more, or one that no reader could take
        remove(folder)


def _refuse(at: int, name: str) -> None:
    raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), name)


def move_into(place: int) -> ByName:
    """Moves a folder, under a name of its own, into the one that `place` is a handle of."""

    def move(at: int, name: str) -> None:
        os.rename(name, f".deep-{secrets.token_hex(8)}", src_dir_fd=at, dst_dir_fd=place)

    return move


def remove(folder: Path, patience: float = PATIENCE) -> None:
    """Many files take seconds to delete: then that goes on under another name beside it."""
    if not os.path.lexists(folder):
        return
    if not stat.S_ISDIR(folder.lstat().st_mode):
        folder.unlink()
        return
    try:
        _remove_now(folder, time.monotonic() + patience)
    except OSError:  # too slow, or something in it cannot be removed by its user as it is
        aside = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        script = '(chmod -R u+rwX -- "$1"; rm -rf --one-file-system -- "$1") &'
        nowhere = subprocess.DEVNULL
        with contextlib.suppress(FileNotFoundError):  # a system without a shell
            subprocess.run(
                ["/bin/sh", "-c", script, "sh", str(aside)],
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
                check=False,
            )


def _remove_now(folder: Path, deadline: float) -> None:
    """Raises OSError for what stays, and after the deadline."""

    def unlink(at: int, name: str, status: os.stat_result) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError
        if stat.S_ISDIR(status.st_mode):
            take_back(at, name, status)
        else:
            os.unlink(name, dir_fd=at)

    def leave(at: int, name: str) -> None:
        os.rmdir(name, dir_fd=at)

    while True:  # what lay too deep lies at the top in the next round
        with opened(folder) as top:
            visit(top, unlink, deeper=move_into(top), leave=leave)
        try:
            return folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                raise
