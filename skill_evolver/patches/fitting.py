"""The ways in which the content of an edit can stand at its place, the plainest first.

Code takes what is code, a list its items, an item what is indented below it. The caller takes the
first way that changes nothing else; where there is none, the place is not plain.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skill_evolver.patches.blocks import Span, blocks
from skill_evolver.patches.places import Section, outline, to_lines

_MARK = re.compile(r"([-*+] |\d+[.)] |\*\*|#{1,6} |>|\||[A-Z])(?:.*)")
"""How a line of text rather than of code begins."""
_SENTENCE = re.compile(r"[A-Z][\w'-]*(?: .*)?[.:]\Z")
_ITEM = re.compile(r"\s*(?:[-*+] |\d+[.)] )")
_LISTED = re.compile(rf"{_ITEM.pattern}|\s{{2,}}\S")
_HEADING = re.compile(r"(#{1,6})(?=\s)")
_PYTHON = ("python", "python3", "py")


@dataclass(frozen=True)
class Fit:
    """Lines [start, end) become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]

    def carried_out(self, lines: Sequence[str]) -> str:
        return "".join(
            f"{line}\n" for line in (*lines[: self.start], *self.lines, *lines[self.end :])
        )


def level_at(text: str, line: int) -> int:
    """The level of the heading that a line stands under; 0 above the first one."""
    section = innermost(text, line)
    return section.level if section else 0


def innermost(text: str, line: int) -> Section | None:
    holding = [s for s in outline(text).sections if s.start <= line < s.end]
    return max(holding, key=lambda s: s.level, default=None)


def lowered(content: str, above: int) -> str:
    """The content with its headings below a level, in the order that they have."""
    lines = to_lines(content.strip("\n"))
    heads = [s for s in outline(content.strip("\n")).sections if _HEADING.match(lines[s.start])]
    more = above + 1 - min((s.level for s in heads), default=above + 1)
    for section in heads if more > 0 else ():
        marks = "#" * min(6, section.level + more)
        lines[section.start] = _HEADING.sub(marks, lines[section.start], count=1)
    return "\n".join(lines)


def beside(text: str, anchor: Span, content: str, *, after: bool) -> Iterator[Fit]:
    """Around the lines that an edit names."""
    lines, new = to_lines(text), to_lines(content.strip("\n"))
    line = anchor[1] - 1 if after else anchor[0]
    position = anchor[1] if after else anchor[0]
    leaf = blocks(text).leaf_around(position)
    if leaf and leaf.kind == "fence" and not _is_text(new, lines[leaf.start + 1 : leaf.end - 1]):
        yield from _in_code(lines, (leaf.start, leaf.end), position, new)
        return
    if leaf and leaf.kind == "table_open" and all(row.lstrip()[:1] == "|" for row in new):
        yield Fit(position, position, tuple(new))
    if leaf:
        position = leaf.end if after else leaf.start
    yield _spaced(lines, position, new)
    item = blocks(text).item_at(line)
    if item and _ITEM.match(new[0]):
        edge = item.end if after else item.start
        indented = _indented(new, _margin(lines[item.start : item.start + 1]))
        yield _spaced(lines, edge, indented)
        if item.marker in "-*+":
            yield _spaced(lines, edge, [re.sub(r"^(\s*)[-*+] ", rf"\1{item.marker} ", x)
                                        for x in indented])  # fmt: skip
    if item and after and not outline(content).sections:
        yield _spaced(lines, position, _indented(new, item.offset))
        yield _spaced(lines, item.end, _indented(new, item.offset))
    section = innermost(text, line)
    if outline(content).sections and section:
        heads = [s.start for s in outline(text).sections if s.start > line]
        yield from at_end(text, min([section.end, *heads]), content)


def at_end(text: str, position: int, content: str) -> Iterator[Fit]:
    """Before line `position`, where a section or the file ends."""
    lines = to_lines(text)
    while position > 0 and not lines[position - 1].strip():
        position -= 1
    yield _spaced(lines, position, to_lines(content.strip("\n")))


def instead(text: str, span: Span, new: Sequence[str]) -> Iterator[Fit]:
    """In the place of lines."""
    yield Fit(*span, tuple(new))
    if not new:
        yield Fit(*span, ("",))
        return
    item = blocks(text).item_at(span[0])
    if item:
        yield Fit(*span, (new[0], *_indented(new[1:], item.offset)))
        yield Fit(*span, tuple(_indented(new, item.offset)))


def _in_code(lines: Sequence[str], fence: Span, position: int, new: Sequence[str]) -> Iterator[Fit]:
    """As far to the right as it is, or as the lines around it; Python has to stay Python."""
    first, last = fence[0] + 1, fence[1] - 1
    python = lines[fence[0]].strip().lstrip("`~").split(" ")[0].lower() in _PYTHON
    python = python and _is_python(lines[first:last])
    around = [_margin(lines[i : i + 1]) for i in (fence[0], position - 1, position)]
    for width in dict.fromkeys(around):
        fitted = _indented(new, width)
        if not python or _is_python([*lines[first:position], *fitted, *lines[position:last]]):
            yield Fit(position, position, tuple(fitted))


def _is_text(new: Sequence[str], code: Sequence[str]) -> bool:
    """Whether lines begin like text of a kind that the code itself does not have."""
    fences = any(line.lstrip()[:3] in ("```", "~~~") for line in new)
    return fences or bool(_marks(new) - _marks(code) - {"#"})


def _marks(lines: Sequence[str]) -> set[str]:
    """Which kinds of text, rather than of code, begin at the margin."""
    found = set()
    for line in textwrap.dedent("\n".join(lines)).split("\n"):
        mark = _MARK.match(line)
        if mark and (not mark[1].isupper() or _SENTENCE.match(line)):
            found.add("#" if mark[1][0] == "#" else "A" if mark[1].isupper() else mark[1][-2:])
    return found


def _is_python(lines: Sequence[str]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(textwrap.dedent("\n".join(lines)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _indented(lines: Sequence[str], width: int) -> list[str]:
    """At least so far to the right, as one piece."""
    return [" " * max(0, width - _margin(lines)) + x if x.strip() else x for x in lines]


def _margin(lines: Sequence[str]) -> int:
    return min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)


def _spaced(lines: Sequence[str], position: int, new: Sequence[str]) -> Fit:
    """With the blank lines that keep blocks apart, and none between the items of a list."""
    before = lines[position - 1] if position else ""
    after = lines[position] if position < len(lines) else ""
    top = [""] if before.strip() and not _join(before, new[0]) else []
    bottom = [""] if after.strip() and not _join(new[-1], after) else []
    return Fit(position, position, (*top, *new, *bottom))


def _join(one: str, two: str) -> bool:
    rows = one.lstrip()[:1] == "|" == two.lstrip()[:1]
    return rows or bool(_LISTED.match(one) and _LISTED.match(two))
