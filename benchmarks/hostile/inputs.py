"""Ways to spoil a file that a command reads: as a whole, and value by value where it is JSON."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Spoiler = Callable[[Path, bytes], object]
"""Puts at the path, where nothing is, what is left of the good content."""


def _cut(good: bytes) -> bytes:
    return good.rstrip()[: len(good) * 2 // 3]


def _replaced(content: bytes) -> Spoiler:
    return lambda path, good: path.write_bytes(content)


def _from(change: Callable[[bytes], bytes]) -> Spoiler:
    return lambda path, good: path.write_bytes(change(good))


def _to_itself(path: Path, good: bytes) -> None:
    path.symlink_to(path.name)


def _not_to_be_read(path: Path, good: bytes) -> None:
    path.mkdir()
    (path / "dataset.json").mkdir()


HOPELESS: dict[str, Spoiler] = {
    "missing": lambda path, good: None,
    "a folder": lambda path, good: path.mkdir(),
    "a folder of folders": _not_to_be_read,
    "a link to itself": _to_itself,
    "zeros": _replaced(bytes(5000)),
    "random bytes": _replaced(bytes(range(256)) * 20),
    "invalid UTF-8": _from(lambda good: good + b"\xff\xfe\x80"),
    "an archive": _replaced(b"PK\3\4" + bytes(200)),
    "another encoding": _from(lambda good: good.decode().encode("utf-16")),
    "a web page": _replaced(b"<html><body>Not found</body></html>"),
    "a merge conflict": _from(lambda good: b"<<<<<<< ours\n" + good),
}
"""No command can go on with such a file."""

BROKEN: dict[str, Spoiler] = {
    "empty": _replaced(b""),
    "blanks": _replaced(b" \n\t\n"),
    "cut off": _from(_cut),
    "a byte order mark": _from(lambda good: b"\xef\xbb\xbf" + good),
    "line ends of Windows": _from(lambda good: good.replace(b"\n", b"\r\n")),
    "one long line": _from(lambda good: good + b" " + b"x" * 5_000_000),
}
"""Some kinds of file may be so; a command may go on, but not fall over."""

VALUES: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a text": b'"text"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of nothing": b"[null]",
    "a list of lists": b"[[[]]]",
    "nested without end": b"[" * 200_000,
    "nested objects without end": b'{"a":' * 100_000,
    "NaN": b"NaN",
    "infinity": b"[-Infinity]",
    "a huge number": b"1e999999",
    "a number of 10,000 digits": b"9" * 10_000,
    "a lone surrogate": b'"\\ud800"',
}
"""In place of the whole of a JSON file; what a command takes it for is the command's."""

FIELDS: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "\ud800",
    "\x1b[2J\nerror: forged",
    "x" * 100_000,
    [],
    [None],
    {},
    {"a": []},
)
"""In place of each value within a JSON file."""


def spoilt_values(good: Any) -> Iterator[tuple[str, Any]]:
    """The value with one of its parts gone, doubled or replaced; named by where it stands."""
    for place in _places(good):
        name = ".".join(map(str, place))
        yield f"{name} gone", _changed(good, place, _gone)
        for number, value in enumerate(FIELDS):
            yield f"{name} = {value!r:.20} ({number})", _changed(good, place, _put(value))
    if isinstance(good, list) and good:
        yield "a record twice", [good[0], *good]


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, ...]]:
    if depth > 3:
        return
    names = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for name in list(names)[:30]:
        yield (name,)
        yield from ((name, *rest) for rest in _places(value[name], depth + 1))


def _put(new: Any) -> Callable[[Any, Any], None]:
    def put(parent: Any, name: Any) -> None:
        parent[name] = new

    return put


def _gone(parent: Any, name: Any) -> None:
    del parent[name]


def _changed(good: Any, place: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    copy = json.loads(json.dumps(good))
    parent = copy
    for name in place[:-1]:
        parent = parent[name]
    change(parent, place[-1])
    return copy
