"""Take a result out of a folder in which an untrusted program could do as it liked."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from react_agent.errors import ContractError

MAX_TAKEN = 100 * 1024 * 1024
"""Bytes of one result; the largest workbook of the public data has 1.2 MB."""


def take_file(source: Path, target: Path, max_bytes: int, *, synced: bool = True) -> Path | None:
    """Copy a regular file; None when there is none. `synced` also survives a power cut.

    Raises ContractError for anything else that bears the name: a link would copy what it points
    to, a pipe would wait for ever. Neither the file nor its folder is reached through a link.
    A hard link is a regular file: it cannot lead out of a sandbox, as none crosses a mount.
    """
    try:
        folder = os.open(source.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError:
        raise ContractError(f"{source.parent}: is a link or not a folder; not taken") from None
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        handle = os.open(source.name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContractError(f"{source}: not taken: a link, or {error.strerror}") from None
    finally:
        os.close(folder)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ContractError(f"{source}: not taken: not a regular file")
        if status.st_size > max_bytes:
            raise ContractError(f"{source}: not taken: {status.st_size} bytes, over {max_bytes}")
        return _copy(handle, source, target, max_bytes, synced)
    finally:
        os.close(handle)


def _copy(handle: int, source: Path, target: Path, max_bytes: int, synced: bool) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside, name = tempfile.mkstemp(prefix=".taken.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(beside, "wb") as file:
            while chunk := os.read(handle, 1 << 20):
                file.write(chunk)
                if file.tell() > max_bytes:  # it can grow while it is read
                    raise ContractError(f"{source}: not taken: over {max_bytes} bytes")
            file.flush()
            if synced:
                os.fsync(file.fileno())
        Path(name).chmod(0o644)
        return Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def taken(folder: Path, name: str, max_bytes: int = MAX_TAKEN) -> Iterator[Path | None]:
    """A private copy of a file out of an untrusted folder; None when it is not there.

    Raises ContractError for a path that leads out of the folder, a link, or no regular file.
    """
    path = folder / name
    if ".." in path.parts or not path.is_relative_to(folder):
        raise ContractError(f"{name}: only files below the working directory can be checked")
    if path.parent.resolve() != folder.resolve() / path.parent.relative_to(folder):
        raise ContractError(f"{name}: its folder is reached through a link")
    with tempfile.TemporaryDirectory(prefix="trace2skill-taken-") as private:
        yield take_file(path, Path(private) / f"taken{path.suffix}", max_bytes, synced=False)
