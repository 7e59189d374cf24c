"""Texts made fit for where they are shown: cut to a length, in one line, safe on a terminal."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

MAX_OBSERVATION = 6_000
"""Characters; a longer observation keeps its first and last half of this."""
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_HARMFUL = re.compile(f"[{_CONTROL}]")
_ACTING = re.compile(f"[{_CONTROL}\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def cut_middle(text: str, limit: int, missing: int = 0, kept: str = "") -> str:
    """First and last halves of a text that is too long, with a note between.

    `missing` is what was left out of its middle before, `kept` the file that has more.
    """
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = len(text) - 2 * half + missing
    note = f"{left_out} characters left out{kept and f'; more in {kept}'}"
    return f"{text[:half]}\n... [{note}] ...\n{text[len(text) - half :]}"


def cut_end(text: str, limit: int) -> str:
    """The beginning of a value, and how long it is."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def one_line(text: str, limit: int) -> str:
    """The beginning of words, with single spaces between; never longer than the limit."""
    line = " ".join(text[: 4 * limit].split())
    if len(line) > limit or len(text) > 4 * limit:
        return f"{line[: limit - 1]}…"
    return line


def has_control(text: str) -> bool:
    """Whether a character acts on what shows the text; tabs and line ends do no harm."""
    return _HARMFUL.search(text.replace("\r", "")) is not None


def without_control(text: str) -> str:
    """No control character but tab and line feed."""
    return _HARMFUL.sub("\ufffd", text)


def for_terminal(text: str) -> str:
    """Nothing that acts on a terminal or turns the direction of writing; keeps the lines."""
    return _ACTING.sub("\ufffd", text)


def say(text: str = "", file: TextIO | None = None, end: str = "\n") -> None:
    """Print, at once and without what would act on a terminal: the only print of the packages, as
    any word can come from a file or a server. Without `file` to where `saying_to` says, else to
    stdout."""
    print(for_terminal(text), file=file or _SAYING_TO.get(), end=end, flush=True)


_SAYING_TO: ContextVar[TextIO | None] = ContextVar("saying_to", default=None)


@contextmanager
def saying_to(file: TextIO) -> Iterator[None]:
    """What is said in the block goes there. Whoever else prints is left alone, as stdout stays."""
    before = _SAYING_TO.set(file)
    try:
        yield
    finally:
        _SAYING_TO.reset(before)
