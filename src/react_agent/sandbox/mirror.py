"""Keep one folder as another is, by handles: one of the two is full of what a program left there.

Links, pipes and sockets are made anew and never followed or opened; holes stay holes and hard
links stay links, so that a copy takes no more room than its original did.
"""

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass, field

from react_agent.errors import ContractError
from react_agent.files import refuses_writes
from react_agent.sandbox import trees

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
Signature = tuple[int, ...]
"""What an entry was when it was copied; first its mode. A program cannot forge it whole."""


@dataclass
class Mirror:
    """Knows what it copied last, and copies what has changed since."""

    source: int
    target: int
    """Handles of two folders."""
    most: int
    """Bytes of one update."""
    _known: dict[str, Signature] = field(default_factory=dict)
    """By the path from the top."""
    _before: dict[str, Signature] = field(default_factory=dict)
    _linked: dict[int, str] = field(default_factory=dict)
    """Where a file with several names has been copied to, by its number."""
    _left: int = 0

    def learn(self) -> None:
        """Take all that is in the source for copied already."""
        self._before, self._known = {}, {}
        self._walk(self.source, None, "")

    def update(self) -> None:
        """Raises ContractError for more than `most`, and OSError for a full disk. Left out is what
        lies deeper than `trees.DEEPEST`, and what the target's file system cannot hold."""
        self._before, self._known, self._linked, self._left = self._known, {}, {}, self.most
        self._walk(self.source, self.target, "")
        for path in self._before.keys() - self._known.keys():
            # Below what is a folder still: else it has gone with it, and a link may be there now.
            above = path.rpartition("/")[0]
            if not above or stat.S_ISDIR(self._known.get(above, (0,))[0]):
                _clear(self.target, path)

    def _walk(self, at: int, to: int | None, above: str) -> None:
        for name in os.listdir(at):
            path = f"{above}{name}"
            try:
                self._entry(at, to, name, path)
            except OSError as error:
                if refuses_writes(error):
                    raise
                self._known.pop(path, None)

    def _entry(self, at: int, to: int | None, name: str, path: str) -> None:
        status = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            self._folder(at, to, name, path, status.st_mode)
            return
        times = status.st_mtime_ns, status.st_ctime_ns
        now = (status.st_mode, status.st_ino, status.st_size, status.st_nlink, *times)
        first = self._linked.setdefault(status.st_ino, path)
        if to is not None and self._before.get(path) != now:
            _clear(to, name)
            if first != path:
                os.link(first, name, src_dir_fd=self.target, dst_dir_fd=to, follow_symlinks=False)
            elif stat.S_ISLNK(status.st_mode):
                os.symlink(os.readlink(name, dir_fd=at), name, dir_fd=to)
            elif stat.S_ISREG(status.st_mode):
                self._file(at, to, name)
            elif stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
                os.mknod(name, status.st_mode & ~0o7000, dir_fd=to)
        self._known[path] = now

    def _folder(self, at: int, to: int | None, name: str, path: str, mode: int) -> None:
        if path.count("/") >= trees.DEEPEST:
            return
        if to is not None and not stat.S_ISDIR(self._before.get(path, (0,))[0]):
            _clear(to, name)
            os.mkdir(name, 0o700, dir_fd=to)
        self._known[path] = (mode,)
        with contextlib.ExitStack() as handles:
            inside = handles.enter_context(trees.inside(at, name))
            copy = None if to is None else handles.enter_context(trees.inside(to, name))
            self._walk(inside, copy, f"{path}/")
            if copy is not None:
                os.fchmod(copy, mode & 0o777 | stat.S_IRWXU)

    def _file(self, at: int, to: int, name: str) -> None:
        with contextlib.ExitStack() as handles:
            read = handles.enter_context(trees.file_to_read(at, name))
            status = os.fstat(read)
            self._left -= status.st_blocks * 512
            if self._left < 0:
                raise ContractError(f"the case's folder holds more than {self.most} bytes")
            write = os.open(name, _WRITE, 0o600, dir_fd=to)
            handles.callback(os.close, write)
            _copy(read, write, status.st_size)
            os.utime(write, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fchmod(write, status.st_mode & 0o777 | stat.S_IRUSR | stat.S_IWUSR)


def _clear(at: int, name: str) -> None:
    """Whatever has that name in a folder of this side's own."""
    try:
        os.unlink(name, dir_fd=at)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(name, dir_fd=at)


def _copy(read: int, write: int, size: int) -> None:
    os.ftruncate(write, size)
    end = 0
    while end < size:
        try:
            start = os.lseek(read, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        end = min(size, os.lseek(read, start, os.SEEK_HOLE))
        os.lseek(write, start, os.SEEK_SET)
        while start < end and (done := os.sendfile(write, read, start, end - start)):
            start += done
