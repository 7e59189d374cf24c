"""Where things are in a markdown file: sections, code fences, and the text an edit points at.

A markdown parser finds the headings, so `#` lines in code are code. An anchor is looked up
exactly first, then by similarity above `SECTION_SIMILARITY` or `TEXT_SIMILARITY`; what is below
stays unresolved and is left to a model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rapidfuzz import fuzz

SECTION_SIMILARITY = 85
"""Of 100: two headings this alike, with no other as near, are taken for the same one."""
TEXT_SIMILARITY = 88
"""Of 100: the same for passages; higher, since a passage has more look-alikes."""
MARGIN = 4
"""How far the second-best candidate has to stay behind."""

How = Literal["exact", "fuzzy"]
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_FRONTMATTER = re.compile(r"\A\ufeff?---[ \t]*\n.*?\n---+[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A heading and the lines below it, to the next heading of its level or a higher one."""

    title: str
    level: int
    start: int
    end: int
    """One after its last line."""


@dataclass(frozen=True)
class Outline:
    sections: tuple[Section, ...]
    body: int
    """The first line after the frontmatter."""
    open_fence: bool
    """Whether a code fence never ends."""


@dataclass(frozen=True)
class Found:
    start: int
    end: int
    how: How


def to_lines(text: str) -> list[str]:
    """The lines without their ends; a final line end opens no further line."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


@lru_cache(maxsize=128)
def parsed(text: str) -> tuple[list[str], int, list[Token]]:
    """The lines, the number of the first one after the frontmatter, and the tokens from there."""
    lines = to_lines(text)
    front = _FRONTMATTER.match(text.replace("\r\n", "\n"))
    body = front[0].count("\n") if front else 0
    return lines, body, _MARKDOWN.parse("\n".join(lines[body:]) + "\n")


@lru_cache(maxsize=512)
def outline(text: str) -> Outline:
    lines, body, tokens = parsed(text)
    heads: list[tuple[int, int, str]] = []
    open_fence = False
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.map is None:
            continue
        first, last = token.map[0] + body, token.map[1] + body
        if token.type == "heading_open" and token.level == 0:
            heads.append((first, int(token.tag[1:]), following.content if following else ""))
        elif token.type == "fence":
            closing = lines[last - 1].strip(" >\t") if last - 1 > first else ""
            open_fence |= not closing.startswith(token.markup[:3])
    sections = []
    for number, (start, level, title) in enumerate(heads):
        end = next((s for s, other, _ in heads[number + 1 :] if other <= level), len(lines))
        sections.append(Section(title.strip(), level, start, end))
    return Outline(tuple(sections), body, open_fence)


def plain(text: str) -> str:
    """A text as the comparison sees it: no case, no markup, single spaces."""
    return " ".join(re.sub(r"[*_`#>]+|^\s*[-+]\s+", " ", text.casefold()).split())


def heading_title(wanted: str) -> str:
    return re.sub(r"\s+#+\s*\Z", "", wanted.strip().lstrip("#")).strip()


def find_section(text: str, wanted: str) -> tuple[Section, How] | None:
    """The section with this heading, `#` marks or not; None when none is near enough."""
    sections = outline(text).sections
    title, level = heading_title(wanted), len(wanted.strip()) - len(wanted.strip().lstrip("#"))
    same = [s for s in sections if s.title == title]
    for section in [s for s in same if s.level == level] or same:
        return section, "exact"
    scored = sorted(
        ((fuzz.ratio(plain(s.title), plain(title)), -s.start, s) for s in sections), reverse=True
    )
    if not scored or scored[0][0] < SECTION_SIMILARITY or not plain(title):
        return None
    best = scored[0]
    if len(scored) > 1 and best[0] < 100 and best[0] - scored[1][0] < MARGIN:
        return None
    return best[2], "fuzzy"


def find_text(lines: Sequence[str], wanted: str, start: int, end: int) -> Found | None:
    """The lines within [start, end) that hold `wanted`; None when none is near enough."""
    wanted_lines = to_lines(wanted.strip("\n"))
    if not plain(wanted):
        return None
    exact = _exact(lines, "\n".join(wanted_lines), start, end)
    if exact is not None:
        return exact
    return _fuzzy(lines, wanted_lines, start, end)


def _exact(lines: Sequence[str], wanted: str, start: int, end: int) -> Found | None:
    """Whole lines go before a longer line that only begins, or goes on, like them."""
    text = "\n".join(lines[start:end])
    for candidate in (wanted, wanted.strip()):
        whole = re.search(rf"^[ \t]*{re.escape(candidate)}[ \t]*$", text, re.MULTILINE)
        position = whole.start() if whole else text.find(candidate)
        if position >= 0:
            first = start + text.count("\n", 0, position)
            return Found(first, first + candidate.count("\n") + 1, "exact")
    return None


def _fuzzy(lines: Sequence[str], wanted: list[str], start: int, end: int) -> Found | None:
    height, target = len(wanted), plain("\n".join(wanted))
    scored = sorted(
        (fuzz.ratio(plain("\n".join(lines[i : i + height])), target), -i)
        for i in range(start, max(start, end - height + 1))
    )
    if not scored or scored[-1][0] < TEXT_SIMILARITY:
        return None
    best, position = scored[-1][0], -scored[-1][1]
    if len(scored) > 1 and best < 100 and best - scored[-2][0] < MARGIN:
        return None
    return Found(position, position + height, "fuzzy")
