"""Unpack a .tar.gz that nobody vouches for: plain files and folders only, within fixed bounds.

Refused: links, devices, sparse members, absolute names and names that climb out, a member twice,
too many or too large members, and contents out of proportion to the archive (bombs).
"""

import gzip
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from react_agent.errors import ContractError

CHUNK = 1 << 20
MEMORY = 16 << 20
"""The most that one header may hold: tarfile reads extended headers as one piece."""
FREE_RATIO = 64 << 20
"""Below this size any ratio is fine: a few megabytes of blanks are no attack."""


@dataclass(frozen=True)
class Limits:
    members: int = 50_000
    member_bytes: int = 256 << 20
    total_bytes: int = 4 << 30
    ratio: int = 50
    """Workbooks are compressed already: real archives stay below 3."""


class _Stream(gzip.GzipFile):
    """The decompressed archive; every read checks the bounds, whatever the headers claim."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.raw = archive.open("rb")
        self.limits = limits
        super().__init__(fileobj=self.raw, mode="rb")

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MEMORY:
            raise ContractError("a header claims to be larger than any header is")
        data = super().read(size)
        position = self.tell()
        if position > self.limits.total_bytes:
            raise ContractError(f"holds more than {self.limits.total_bytes:,} bytes")
        if position > FREE_RATIO and position > self.limits.ratio * self.raw.tell():
            raise ContractError(f"unpacks to over {self.limits.ratio} times its size (a bomb?)")
        return data

    def close(self) -> None:
        super().close()
        self.raw.close()


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> int:
    """Unpack into the existing, empty `folder`; returns the number of files.

    Raises ContractError naming the member that is refused; what was written so far stays behind.
    """
    try:
        with _Stream(archive, limits or Limits()) as stream:
            return _unpack(stream, folder)
    except ContractError as error:
        raise ContractError(f"{archive.name}: refused: {error}") from None
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ContractError(f"{archive.name}: is damaged or no .tar.gz: {error}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise ContractError(f"{archive.name}: has a broken header: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ContractError(
            f"{archive.name}: refused: {error.filename} is both a file and a folder"
        ) from error


def _unpack(stream: _Stream, folder: Path) -> int:
    written: set[PurePosixPath] = set()
    declared = 0
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        for number, member in enumerate(tar, start=1):
            if number > stream.limits.members:
                raise ContractError(f"holds more than {stream.limits.members:,} members")
            name = _safe_name(member)
            declared += member.size
            if member.size > stream.limits.member_bytes or declared > stream.limits.total_bytes:
                raise ContractError(f"{member.name!r} claims {member.size:,} bytes")
            if name is None:
                continue
            if member.isdir():
                (folder / name).mkdir(parents=True, exist_ok=True)
                continue
            if name in written:
                raise ContractError(f"{member.name!r} stands in it twice")
            written.add(name)
            _write(tar, member, folder / name)
    while stream.read(CHUNK):  # to the end, so that gzip checks its sum over everything
        pass
    return len(written)


def _safe_name(member: tarfile.TarInfo) -> PurePosixPath | None:
    """None for what other programs leave in archives and nobody wants (macOS, pax comments)."""
    text = member.name
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise ContractError(f"{text!r} is no plain file or folder (a link, a device?)")
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or "\\" in text or ":" in text.split("/")[0]:
        raise ContractError(f"{text!r} leads out of the folder")
    if not text.isprintable() or len(text) > 400 or len(name.parts) > 12:
        raise ContractError(f"{text[:60]!r} is no usable file name")
    if member.size < 0:
        raise ContractError(f"{text!r} claims a negative size")
    if "__MACOSX" in name.parts or name.name.startswith("._") or name.name == ".DS_Store":
        return None
    return name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Not tar.extract: owners, modes, times and links of the archive mean nothing here, and its
    `filter` is missing in Python 3.11.0 to 3.11.3."""
    source = tar.extractfile(member)
    if source is None:
        raise ContractError(f"{member.name!r} has no contents")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with source, os.fdopen(handle, "wb") as file:
        left = member.size
        while left:
            data = source.read(min(CHUNK, left))
            if not data:
                raise ContractError(f"{member.name!r} is cut off")
            left -= len(data)
            file.write(data)
