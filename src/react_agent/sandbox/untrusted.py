"""Take a result out of a folder in which an untrusted program could do as it liked."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import replacing
from react_agent.sandbox import trees

MAX_TAKEN = 100 * 1024 * 1024
"""Bytes of one result; the largest workbook of the public data has 1.2 MB."""


def missing(target: Path) -> str:
    """What an agent is told that has not left its result."""
    there = target.is_file() and not target.is_symlink()
    return "" if there else f"there is no file at output_path ({target})"


def take_file(source: Path, target: Path, max_bytes: int, *, synced: bool = True) -> Path | None:
    """Copy a regular file; None when there is none. `synced` also survives a power cut.

    Raises ContractError for anything else that bears the name: a link would copy what it points
    to, a pipe would wait for ever. Neither the file nor its folder is reached through a link.
    A hard link is a regular file: it cannot lead out of a sandbox, as none crosses a mount.
    """
    with contextlib.ExitStack() as handles:
        try:
            folder = handles.enter_context(trees.opened(source.absolute().parent))
            handle = handles.enter_context(trees.file_to_read(folder, source.name))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ContractError(f"{source}: not taken: a link, or {error.strerror}") from None
        if (size := os.fstat(handle).st_size) > max_bytes:
            raise ContractError(f"{source}: not taken: {size} bytes, over {max_bytes}")
        with replacing(target, synced=synced) as file:
            while chunk := os.read(handle, 1 << 20):
                file.write(chunk)
                if file.tell() > max_bytes:  # it can grow while it is read
                    raise ContractError(f"{source}: not taken: over {max_bytes} bytes")
    return target


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
