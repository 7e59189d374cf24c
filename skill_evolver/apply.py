"""Edits carried out on `{path: text}`: pure functions, which remember the edit behind every line.

All edits are placed against the same text and then spliced in from the bottom up, so an edit never
moves the anchor of another. Two edits on the same lines: the one with less support waits, is tried
again against the result, and is given back with a reason when its passage is gone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from skill_evolver.patch import ExactEdit
from skill_evolver.sections import (
    How,
    find_section,
    find_text,
    heading_title,
    outline,
    to_lines,
)

MAX_ROUNDS = 8
_PROSE = re.compile(r"\s*(?:[-*+] |\d+[.)] |\*\*|#{1,6} \S|>|\||[A-Z][\w'-]*(?: .*)?[.:]\Z)")
"""A first line of text rather than of code; it never goes into a code fence."""
_ITEM = re.compile(r"\s*(?:[-*+] |\d+[.)] )|\s{2,}\S")


@dataclass(frozen=True)
class Line:
    text: str
    origin: str = ""
    """Id of the edit that wrote the line; empty for a line that was there before."""


Document = dict[str, tuple[Line, ...]]
"""Every text file as lines that know where they come from."""


@dataclass(frozen=True)
class Splice:
    """Lines [start, end) of a file become `lines`."""

    edit: ExactEdit
    start: int
    end: int
    lines: tuple[str, ...]
    anchor: tuple[int, int]
    """The lines the edit relies on: a heading, a passage."""
    how: How = "exact"
    remove_file: bool = False
    note: str = ""


@dataclass(frozen=True)
class Unplaced:
    """Why an edit cannot be carried out on this text."""

    reason: str
    rule: str = "anchor"


@dataclass
class Applied:
    document: Document
    done: list[Splice] = field(default_factory=list)
    left: list[tuple[ExactEdit, Unplaced]] = field(default_factory=list)
    waited: int = 0
    """Edits that had to wait for another one on the same lines."""


def from_files(files: Mapping[str, str]) -> Document:
    return {path: tuple(Line(text) for text in to_lines(text)) for path, text in files.items()}


def to_files(document: Document) -> dict[str, str]:
    return {path: text_of(lines) for path, lines in sorted(document.items())}


def text_of(lines: Sequence[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def apply_edits(document: Document, edits: Sequence[ExactEdit]) -> Applied:
    """Carry out what can be; `edits` come with the most supported first."""
    result, pending = Applied(dict(document)), list(edits)
    blocked: set[str] = set()
    for _ in range(MAX_ROUNDS):
        texts = {path: text_of(lines) for path, lines in result.document.items()}
        placed: list[Splice] = []
        result.left = []
        for edit in pending:
            splice = place(texts, edit)
            rival = _rival(splice, placed) if isinstance(splice, Splice) else None
            if isinstance(splice, Unplaced):
                result.left.append((edit, splice))
            elif rival is not None:
                blocked.add(edit.id)
                reason = (
                    f"{rival.edit.id or rival.edit.op} changes the same lines and has more support"
                )
                result.left.append((edit, Unplaced(reason, "overlap")))
            else:
                placed.append(splice)
        if not placed:
            break
        _splice(result.document, placed)
        result.done += placed
        pending = [edit for edit, _ in result.left]
    result.waited = len(blocked)
    return result


def place(texts: Mapping[str, str], edit: ExactEdit) -> Splice | Unplaced:
    """Where this edit goes in these texts."""
    text = texts.get(edit.file)
    if edit.op == "create":
        return _create(text, edit)
    if text is None:
        return Unplaced(f"{edit.file} does not exist", "unknown-file")
    if edit.op == "delete_file":
        count = len(to_lines(text))
        return Splice(edit, 0, count, (), (0, count), remove_file=True)
    if edit.op == "add_section":
        return _add_section(text, edit)
    if edit.op in ("append_to_section", "delete_section"):
        return _whole_section(text, edit)
    return _at_text(text, edit)


def _create(text: str | None, edit: ExactEdit) -> Splice | Unplaced:
    content = edit.content.strip("\n")
    if text is None:
        return Splice(edit, 0, 0, tuple(to_lines(content)), (0, 0))
    if edit.file == "SKILL.md":
        return Unplaced("SKILL.md exists; it is edited, never created anew", "unknown-file")
    return _insertion(
        text, len(to_lines(text)), content, edit, (0, 0), note="appended: file exists"
    )


def _add_section(text: str, edit: ExactEdit) -> Splice | Unplaced:
    title = heading_title(edit.target_section)
    same = [s for s in outline(text).sections if s.title.casefold() == title.casefold()]
    if same:  # two edits may add the same section; the second one adds to it
        return _whole_section(text, edit, note="section exists")
    lines = to_lines(text)
    position, anchor = len(lines), (0, 0)
    how: How = "exact"
    if edit.after_section.strip():
        found = find_section(text, edit.after_section)
        if not found:
            return Unplaced(f"no section {edit.after_section!r} in {edit.file} to come after")
        position, anchor, how = found[0].end, (found[0].start, found[0].start + 1), found[1]
    marks = re.match(r"\s*(#{1,6})\s", edit.target_section)
    content = f"{marks[1] if marks else '##'} {title}\n\n{_without_heading(edit.content, title)}"
    return _insertion(text, position, content, edit, anchor, how=how)


def _whole_section(text: str, edit: ExactEdit, note: str = "") -> Splice | Unplaced:
    found = find_section(text, edit.target_section)
    if not found:
        return Unplaced(f"no section {edit.target_section!r} in {edit.file}")
    section, how, _ = found
    if edit.op == "delete_section":
        span = (section.start, section.end)
        return Splice(edit, *span, (), span, how)
    content = _without_heading(edit.content, heading_title(edit.target_section))
    anchor = (section.start, section.start + 1)
    return _insertion(text, section.end, content, edit, anchor, how=how, note=note)


def _at_text(text: str, edit: ExactEdit) -> Splice | Unplaced:
    wanted = edit.old_text if edit.op == "replace_in_section" else edit.target_text
    lines = to_lines(text)
    start, end = outline(text).body, len(lines)
    found = None
    section = find_section(text, edit.target_section) if edit.target_section.strip() else None
    if section:
        found = find_text(lines, wanted, section[0].start, section[0].end)
    if found is None:
        found = find_text(lines, wanted, start, end)
    if found is None:
        return Unplaced(f"the text {wanted[:80]!r} is not in {edit.file}")
    anchor = (found.start, found.end)
    if edit.op == "replace_in_section":
        new = _replaced(lines[found.start : found.end], wanted, edit.content)
        after = "\n".join([*lines[: found.start], *new, *lines[found.end :]])
        if outline(after).open_fence and not outline(text).open_fence:
            return Unplaced("would leave a code fence open", "fence")
        return Splice(edit, found.start, found.end, tuple(new), anchor, found.how)
    position = found.end if edit.op == "insert_after" else found.start
    return _insertion(text, position, edit.content, edit, anchor, how=found.how, inline=True)


def _replaced(lines: Sequence[str], wanted: str, content: str) -> list[str]:
    """The lines with the wanted part exchanged; a near match is exchanged whole."""
    text = "\n".join(lines)
    for candidate in (wanted.strip("\n"), wanted.strip()):
        if candidate in text:
            new = text.replace(candidate, content.strip("\n"), 1)
            return to_lines(new) if new.strip() else []
    return to_lines(content.strip("\n")) if content.strip() else []


def _insertion(
    text: str,
    position: int,
    content: str,
    edit: ExactEdit,
    anchor: tuple[int, int],
    *,
    how: How = "exact",
    note: str = "",
    inline: bool = False,
) -> Splice:
    """Put `content` before line `position`, with the blank lines that keep its blocks apart."""
    lines = to_lines(text)
    new = to_lines(content.strip("\n"))
    if not content.strip():
        return Splice(edit, position, position, (), anchor, how, note="says nothing")
    if _PROSE.match(new[0]) or "```" in content:
        position = next((b for a, b in outline(text).fences if a < position < b), position)
    if not inline:
        while position > 0 and not lines[position - 1].strip():
            position -= 1
    inside_code = any(a < position < b for a, b in outline(text).fences)
    before = lines[position - 1] if position else ""
    after = lines[position] if position < len(lines) else ""
    if not inside_code:
        if before.strip() and not (_ITEM.match(before) and _ITEM.match(new[0])):
            new = ["", *new]
        if after.strip() and not (_ITEM.match(after) and _ITEM.match(new[-1])):
            new = [*new, ""]
    return Splice(edit, position, position, tuple(new), anchor, how, note=note)


def _without_heading(content: str, title: str) -> str:
    """The content, without the section's own heading where the model repeated it."""
    lines = to_lines(content.strip("\n"))
    if lines and lines[0].startswith("#") and heading_title(lines[0]) == title:
        lines = lines[1:]
    return "\n".join(lines).strip("\n")


def _rival(splice: Splice, placed: Sequence[Splice]) -> Splice | None:
    return next((other for other in placed if _same_lines(splice, other)), None)


def _same_lines(one: Splice, two: Splice) -> bool:
    if one.edit.file != two.edit.file:
        return False
    if "create" in (one.edit.op, two.edit.op) or one.remove_file or two.remove_file:
        return True
    if {one.edit.op, two.edit.op} == {"add_section"}:  # the second one adds to the first one's
        titles = {heading_title(s.edit.target_section).casefold() for s in (one, two)}
        return len(titles) == 1
    return any(
        a.start < a.end
        and (_meet(a, b.start, b.end) or _meet(a, *b.anchor) or a.start < b.start < a.end)
        for a, b in ((one, two), (two, one))
    )


def _meet(splice: Splice, start: int, end: int) -> bool:
    return max(splice.start, start) < min(splice.end, end)


def _splice(document: Document, placed: Sequence[Splice]) -> None:
    """From the bottom up; at one point, what comes first in `placed` stands first."""
    order = sorted(enumerate(placed), key=lambda pair: (pair[1].start, pair[0]), reverse=True)
    for _, splice in order:
        path = splice.edit.file
        if splice.remove_file:
            document.pop(path, None)
            continue
        lines = list(document.get(path, ()))
        old = lines[splice.start : splice.end]
        document[path] = (
            *lines[: splice.start],
            *_kept_origins(old, splice),
            *lines[splice.end :],
        )


def _kept_origins(old: Sequence[Line], splice: Splice) -> list[Line]:
    """New lines belong to the edit; those it only repeats keep their origin."""
    known = {line.text: line for line in old}
    return [known.get(text) or Line(text, splice.edit.id) for text in splice.lines]
