"""The parts of a workbook's zip file, in bounded memory, and only where the file is a usual one.

Stricter than the standard library, and quicker: what it would forgive is Unusual here, so that
whoever asks leaves such a file to openpyxl.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise

MAX_BYTES = 256 * 2**20
"""Of all parts together, inflated. The largest workbook of the public data has 20 MB."""

_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED_OR_PATCHED = ~(0x2 | 0x4 | 0x8 | 0x800)
"""Of the flags: all but the level of compression, a descriptor behind the data, names in UTF-8."""


class Unusual(Exception):
    """Not an error of the file: only openpyxl can say what it is."""


class Archive:
    """Raises Unusual, from every method."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries = archive.infolist()
        except MemoryError:
            raise
        except Exception as error:  # a directory can be broken in many ways
            raise Unusual(str(error)) from None
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise Unusual("two parts of one name")
        if sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise Unusual("a very large workbook")
        self._spans = {entry.filename: self._span(entry) for entry in entries}
        spans = sorted(self._spans.values())
        if any(end > following[0] for (_, _, end), following in pairwise(spans)):
            raise Unusual("parts that overlap")

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def size(self, name: str) -> int:
        """As the directory says; no part is inflated further."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """The whole part; its length and sum are right."""
        entry, (_, start, end) = self._entries[name], self._spans[name]
        part = self._content[start:end]
        if entry.compress_type == zipfile.ZIP_DEFLATED:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                part = inflater.decompress(part, entry.file_size + 1)
            except zlib.error as error:
                raise Unusual(str(error)) from None
            if not inflater.eof or inflater.unused_data:
                raise Unusual("a part of another length")
        if len(part) != entry.file_size or zlib.crc32(part) != entry.CRC:
            raise Unusual("a part that is not what the directory says")
        return part

    def pieces(self, name: str, size: int) -> Iterator[bytes]:
        """The part in pieces of growing size, for who may stop before its end; nothing is
        checked."""
        entry, (_, start, end) = self._entries[name], self._spans[name]
        if entry.compress_type == zipfile.ZIP_STORED:
            while start < end:
                yield self._content[start : min(end, start + size)]
                start, size = start + size, 2 * size
            return
        inflater, rest = zlib.decompressobj(-zlib.MAX_WBITS), self._content[start:end]
        while rest and not inflater.eof:
            try:
                piece = inflater.decompress(rest, size)
            except zlib.error as error:
                raise Unusual(str(error)) from None
            rest, size = inflater.unconsumed_tail, 2 * size
            yield piece

    def _span(self, entry: zipfile.ZipInfo) -> tuple[int, int, int]:
        """Where the entry, its data, and whatever belongs to it begins or ends."""
        start, head = entry.header_offset, _HEADER.size
        if start < 0 or start + head > len(self._content):
            raise Unusual("a part outside of the file")
        mark, *_, name_length, extra = _HEADER.unpack_from(self._content, start)
        flags, method = struct.unpack_from("<2H", self._content, start + 6)
        name = self._content[start + head : start + head + name_length]
        encoding = "utf-8" if entry.flag_bits & 0x800 else "cp437"
        data = start + head + name_length + extra
        if (
            mark != b"PK\3\4"
            or (flags | entry.flag_bits) & _ENCRYPTED_OR_PATCHED
            or method != entry.compress_type
            or method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            or name != entry.orig_filename.encode(encoding)
            or data + entry.compress_size > len(self._content)
        ):
            raise Unusual("a part of another form")
        return start, data, data + entry.compress_size
