"""What the strict archive gives out is what the standard library gives out, or it gives nothing."""

import io
import random
import tracemalloc
import zipfile
import zlib

import pytest

from spreadsheetbench.fast.archive import Archive, Unusual

PARTS = {"[Content_Types].xml": b"<Types/>" * 40, "xl/a.xml": bytes(range(256)) * 8, "é.xml": b""}


def packed(method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        archive.comment = comment
    return bytearray(buffer.getvalue())


def by_library(content: bytes) -> dict[str, bytes] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return None


def by_us(content: bytes) -> dict[str, bytes] | None:
    try:
        archive = Archive(content)
        return {name: archive.read(name) for name in archive.names}
    except Unusual:
        return None


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_sound_archive_is_read(method: int) -> None:
    content = bytes(packed(method, b"a comment"))
    assert by_us(content) == PARTS
    archive = Archive(content)
    for name, part in PARTS.items():
        assert b"".join(archive.pieces(name, 7)) == part


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("seed", range(20))
def test_of_a_damaged_archive_nothing_else_is_read(method: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        content = packed(method)
        for _ in range(rng.choice([1, 1, 2, 5])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.1:
            del content[rng.randrange(len(content)) :]
        found = by_us(bytes(content))
        assert found is None or found == by_library(bytes(content))


def test_a_part_is_never_inflated_beyond_what_the_directory_says() -> None:
    """A header that lies: 50 bytes told, 200 MB inside."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed_bomb = b"".join([*(bomb.compress(bytes(2**20)) for _ in range(200)), bomb.flush()])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", packed_bomb)
    content = bytearray(buffer.getvalue())
    for mark, method, size in (b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24):
        at = content.index(mark)
        content[at + method] = zipfile.ZIP_DEFLATED
        content[at + size : at + size + 4] = (50).to_bytes(4, "little")
    tracemalloc.start()
    try:
        assert by_us(bytes(content)) is None
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_claims_beyond_reason_are_left_alone() -> None:
    content = packed()
    first = content.index(b"PK\1\2")
    content[first + 24 : first + 28] = (2**31).to_bytes(4, "little")
    assert by_us(bytes(content)) is None


def test_parts_that_overlap_are_left_alone() -> None:
    """One part is the other one's entry, header and all: some versions of the library refuse."""
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("inner", b"content")
    entry = inner.getvalue()[: inner.getvalue().index(b"PK\1\2")]
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("outer", entry)
        archive.writestr("inner", b"content")
    content = bytearray(outer.getvalue())
    assert by_us(bytes(content)) == {"outer": entry, "inner": b"content"}
    at = content.rindex(b"PK\1\2") + 42
    content[at : at + 4] = (content.index(entry)).to_bytes(4, "little")
    assert by_us(bytes(content)) is None
