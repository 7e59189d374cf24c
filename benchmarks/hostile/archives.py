"""Hostile archives of a data set, as functions that give their bytes."""

import functools
import gzip
import io
import tarfile
from collections.abc import Callable


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in fields.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(content) if member.isreg() else None)


def packed(fill: Callable[[tarfile.TarFile], None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        fill(tar)
    return buffer.getvalue()


MEMBERS: dict[str, tuple[Callable[[tarfile.TarFile], None], str]] = {
    "climbs out": (lambda t: add(t, "a/../../evil"), "leads out"),
    "absolute": (lambda t: add(t, "/etc/evil"), "leads out"),
    "backslash": (lambda t: add(t, "..\\evil"), "leads out"),
    "drive": (lambda t: add(t, "C:/evil"), "leads out"),
    "symlink": (
        lambda t: add(t, "l", b"", type=tarfile.SYMTYPE, linkname="/etc"),
        "no plain file",
    ),
    "hard link": (
        lambda t: add(t, "l", b"", type=tarfile.LNKTYPE, linkname="../x"),
        "no plain file",
    ),
    "device": (lambda t: add(t, "d", b"", type=tarfile.CHRTYPE, devmajor=1), "no plain file"),
    "pipe": (lambda t: add(t, "p", b"", type=tarfile.FIFOTYPE), "no plain file"),
    "twice": (lambda t: (add(t, "a"), add(t, "a"))[0], "twice"),
    "file and folder": (lambda t: (add(t, "a"), add(t, "a/b"))[0], "both a file and a folder"),
    "control characters": (lambda t: add(t, "a\x1b[2Jb"), "no usable file name"),
    "long name": (lambda t: add(t, "n" * 5000), "no usable file name"),
    "deep": (lambda t: add(t, "d/" * 50 + "x"), "no usable file name"),
    "too many": (lambda t: [add(t, f"f{n}") for n in range(21)] and None, "more than 20 members"),
    "one too large": (lambda t: add(t, "a", bytes(3 << 20)), "claims 3,145,728 bytes"),
    "all too large": (
        lambda t: [add(t, f"f{n}", bytes(2 << 20)) for n in range(5)] and None,
        "holds more than 8,388,608 bytes",
    ),
}
"""What a member is, and the reason for which the archive is refused."""


def _swollen(*, in_a_member: bool) -> bytes:
    buffer, size = io.BytesIO(), 80 << 20
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        member = tarfile.TarInfo("bomb")
        member.size = size if in_a_member else 0
        file.write(member.tobuf() + (bytes(1024) if not member.size else b""))
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return buffer.getvalue()


def _claiming(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo("huge")
    member.type, member.size = kind, size
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))


def _damaged(change: Callable[[bytes], bytes]) -> bytes:
    return change(packed(lambda tar: add(tar, "set/dataset.json", bytes(range(256)) * 40)))


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a bomb in a member": lambda: _swollen(in_a_member=True),
    "a bomb after the end": lambda: _swollen(in_a_member=False),
    "a claim of exabytes": lambda: _claiming(1 << 60),
    "an extended header of gigabytes": lambda: _claiming(3 << 30, tarfile.XHDTYPE),
    "cut off": lambda: _damaged(lambda good: good[: len(good) // 2]),
    "one bit flipped": lambda: _damaged(lambda g: g[:-6] + bytes([g[-6] ^ 1]) + g[-5:]),
    "no gzip": lambda: _damaged(lambda good: b"PK\x03\x04" + good),
    "empty": lambda: b"",
    **{
        name: functools.partial(packed, fill)
        for name, (fill, _) in MEMBERS.items()
        if "large" not in name and "many" not in name
    },
}
"""All that are refused by the limits that hold without any being named."""
