"""Edits carried out on `{path: text}`: pure functions, which remember the edit behind every line.

All edits are placed against the same text and then spliced in from the bottom up, so an edit never
moves the anchor of another. Two edits on the same lines: the one with less support waits, is tried
again against the result, and is given back with a reason when its passage is gone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest

from react_agent.files import SKILL_FILE
from skill_evolver.patches.blocks import Change, keeps
from skill_evolver.patches.fitting import Fit, at_end, beside, instead, level_at, lowered
from skill_evolver.patches.patch import ExactEdit
from skill_evolver.patches.places import (
    How,
    Section,
    find_section,
    find_text,
    heading_title,
    outline,
    to_lines,
)

MAX_ROUNDS = 8


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


@dataclass(frozen=True)
class Unplaced:
    """Why an edit cannot be carried out on this text."""

    reason: str
    rule: str = "anchor"

    @property
    def unclear(self) -> bool:
        """Whether a model can say what was meant."""
        return self.rule in ("anchor", "structure")


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
    """Carry out what can be; `edits` come with those first that go before others."""
    result, pending = Applied(dict(document)), list(edits)
    blocked: set[str] = set()
    for _ in range(MAX_ROUNDS):
        texts = {path: text_of(lines) for path, lines in result.document.items()}
        placed: list[Splice] = []
        result.left = []
        for edit in pending:
            splice = place(texts, edit)
            if isinstance(splice, Unplaced):
                result.left.append((edit, splice))
            elif rival := next((one for one in placed if _same_lines(splice, one)), None):
                blocked.add(edit.id)
                reason = f"{rival.edit.id or rival.edit.op} changes the same lines and goes first"
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
    rival = in_the_way(edit.file, texts) if edit.op == "create" else ""
    if rival:
        return Unplaced(f"{edit.file}: {rival} of the skill is in its way", "path")
    return _placed(texts.get(edit.file), edit)


@lru_cache(maxsize=4096)
def _placed(text: str | None, edit: ExactEdit) -> Splice | Unplaced:
    """Worked out once for a text: proposal, guardrails, trial and build all ask the same."""
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


def in_the_way(path: str, others: Iterable[str]) -> str:
    """A file that would have to be a folder for `path`, or the other way round."""
    for other in others:
        if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
            return other
    return ""


def _create(text: str | None, edit: ExactEdit) -> Splice | Unplaced:
    if text is None:
        return Splice(edit, 0, 0, tuple(to_lines(edit.content.strip("\n"))), (0, 0))
    if edit.file == SKILL_FILE:
        return Unplaced("SKILL.md exists; it is edited, never created anew", "unknown-file")
    title = _title(text)
    content = lowered(_without_heading(edit.content, title.title), 1) if title else edit.content
    fits = at_end(text, len(to_lines(text)), content)
    return _fitted(text, edit, fits, Splice(edit, 0, 0, (), (0, 0)))


def _add_section(text: str, edit: ExactEdit) -> Splice | Unplaced:
    title = heading_title(edit.target_section)
    same = [s for s in outline(text).sections if s.title.casefold() == title.casefold()]
    if same:  # two edits may add the same section; the second one adds to it
        return _whole_section(text, edit)
    found = find_section(text, edit.after_section) if edit.after_section.strip() else None
    if edit.after_section.strip() and not found:
        return Unplaced(f"no section {edit.after_section!r} in {edit.file} to come after")
    marks = re.match(r"\s*(#{1,6})\s", edit.target_section)
    asked, lowest = len(marks[1]) if marks else 2, 2 if _title(text) else 1
    where = Splice(edit, 0, 0, (), (0, 0))
    position = len(to_lines(text))
    if found:
        section, how = found
        position, lowest = section.end, max(section.level, lowest)
        where = replace(where, anchor=(section.start, section.start + 1), how=how)
    level = max(asked, lowest)
    body = lowered(_without_heading(edit.content, title), level)
    return _fitted(text, edit, at_end(text, position, f"{'#' * level} {title}\n\n{body}"), where)


def _whole_section(text: str, edit: ExactEdit) -> Splice | Unplaced:
    found = find_section(text, edit.target_section)
    if not found:
        return Unplaced(f"no section {edit.target_section!r} in {edit.file}")
    section, how = found
    if edit.op == "delete_section":
        span = (section.start, section.end)
        return _fitted(text, edit, instead(text, span, ()), Splice(edit, *span, (), span, how))
    content = _without_heading(edit.content, heading_title(edit.target_section))
    where = Splice(edit, 0, 0, (), (section.start, section.start + 1), how)
    return _fitted(text, edit, at_end(text, section.end, lowered(content, section.level)), where)


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
        fits = instead(
            text, anchor, _replaced(lines[found.start : found.end], wanted, edit.content)
        )
    else:
        fits = beside(text, anchor, edit.content, after=edit.op == "insert_after")
    return _fitted(text, edit, fits, Splice(edit, *anchor, (), anchor, found.how))


def _replaced(lines: Sequence[str], wanted: str, content: str) -> list[str]:
    """The lines with the wanted part exchanged; a near match is exchanged whole."""
    text = "\n".join(lines)
    for candidate in (wanted.strip("\n"), wanted.strip()):
        if candidate in text:
            new = text.replace(candidate, content.strip("\n"), 1)
            return to_lines(new) if new.strip() else []
    return to_lines(content.strip("\n")) if content.strip() else []


def _fitted(text: str, edit: ExactEdit, fits: Iterable[Fit], where: Splice) -> Splice | Unplaced:
    """The first way to carry the edit out that changes no block which it does not name."""
    lines, fault = to_lines(text), ""
    for fit in fits:
        after = fit.carried_out(lines)
        wrong = _stray_heading(text, after, fit, where)
        change = Change(fit.start, fit.end, len(fit.lines), where.anchor)
        if not wrong and not keeps(text, after, [change]):
            wrong = "would change lines around it: cut a list, end a code block or move a section"
        if not wrong:
            return replace(where, start=fit.start, end=fit.end, lines=fit.lines)
        fault = fault or wrong
    return Unplaced(fault, "structure")


def _stray_heading(before: str, after: str, fit: Fit, where: Splice) -> str:
    """A heading that the edit would open above its place, or with nothing below it."""
    had = [s for s in outline(before).sections if fit.start <= s.start < fit.end]
    line = where.anchor[1] - 1 if where.edit.op == "insert_after" else where.anchor[0]
    place_level = max(level_at(before, line), 2 if _title(before) else 1)
    lowest = min((s.level for s in had), default=place_level)
    stop = fit.start + len(fit.lines)
    new = [s for s in outline(after).sections if fit.start <= s.start < stop]
    for section, following in zip_longest(new, new[1:]):
        if section.level < lowest:
            return f"would open the heading {section.title!r} above its place"
        body = to_lines(after)[section.start + 1 : following.start if following else stop]
        if not had and not "".join(body).strip() and not following:
            return f"would open the heading {section.title!r} with nothing below it"
    return ""


def _title(text: str) -> Section | None:
    """The heading of the whole file: its first and only one of level 1."""
    top = [s for s in outline(text).sections if s.level == 1]
    return top[0] if len(top) == 1 and top[0] == outline(text).sections[0] else None


def _without_heading(content: str, title: str) -> str:
    """The content, without the section's own heading where the model repeated it."""
    lines = to_lines(content.strip("\n"))
    if lines and lines[0].startswith("#") and heading_title(lines[0]) == title:
        lines = lines[1:]
    return "\n".join(lines).strip("\n")


def _same_lines(one: Splice, two: Splice) -> bool:
    if one.edit.file != two.edit.file:
        return bool(in_the_way(one.edit.file, [two.edit.file]))
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
