"""Analyst reports as markdown: the one reader of their items.

The prompts ask for `# Failure Cause Item 1` (or Failure Memory, Success Memory) with `## Title`,
`## Description` and `## Content`. Models bend that: other heading levels, bold text or list points
for headings, the title on the heading's line, a fence around the whole, thinking before it, missing
parts, odd numbers. All of it is read. What belongs to no item is kept in `rest`, and every liberty
taken is named in `notes`, so nothing is lost without a word.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import cast

from analysis.lessons.records import ItemType, LessonItem, LessonKind
from react_agent.errors import FormatError
from react_agent.text import one_line

MAX_MEMORIES = 3
"""Memory items of one report: the paper's cap, so that no long report outweighs the others."""

TYPES: dict[LessonKind, tuple[ItemType, ...]] = {
    "error": ("failure_cause", "failure_memory"),
    "success": ("success_memory",),
}

_LEADING = re.compile(
    r"^[ \t]*(?:>[ \t]?)*[ \t]*(?P<hashes>#{1,6}(?![#!]))?[ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?"
    r"(?P<bold>[*_`]{0,3})"
)
_ITEM = re.compile(
    r"(?P<what>failure|success)[ \t_-]*(?P<kind>cause|memory)(?P<word>[ \t_-]*items?)?[ \t_]*"
    r"(?:#|no\b\.?)?[ \t]*(?P<number>\d{1,6})?(?P<after>.*)",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?P<name>title|description|content|relation[ _]to[ _](?:the[ _])?skill|skill[ _]reflection)"
    r"(?P<after>.*)",
    re.IGNORECASE,
)
_INLINE = re.compile(r"[ \t*_`]*(?:[:.)]|[-–—](?=[ \t]))[ \t*_`]*(?P<text>.*)")
_BLANK_END = re.compile(r"[ \t*_`:#.)]*")
_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_SIGNAL = re.compile(r"[ \t>*_`]*action:[ \t*_`]*task_complete[ \t.!*_`]*", re.IGNORECASE)
_THOUGHT_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THOUGHT_START = re.compile(r"\A\s*<think(?:ing)?>", re.IGNORECASE)

_HEADINGS = {
    "failure_cause": "# Failure Cause Item 1",
    "failure_memory": "# Failure Memory Item 1",
    "success_memory": "# Success Memory Item 1",
}


@dataclass(frozen=True)
class Report:
    """What was found in one report."""

    items: tuple[LessonItem, ...]
    rest: str = ""
    """The lines that belong to no item, such as the lean solution path."""
    notes: tuple[str, ...] = ()
    """What was amended while reading, and what was left out."""

    def require_items(self, kind: LessonKind) -> "Report":
        """Raises FormatError, whose text can be sent back, when there is no item at all."""
        if self.items:
            return self
        wanted = " or ".join(f"`{_HEADINGS[t]}`" for t in TYPES[kind])
        raise FormatError(f"Your report holds no item: there is no heading {wanted} with a text.")


@dataclass
class _Draft:
    """An item while its lines are collected."""

    type: ItemType
    number: int | None
    inline: str
    level: int
    field_level: int = 0
    fields: dict[str, list[str]] = field(default_factory=dict)
    current: str = ""

    def add(self, line: str) -> None:
        self.fields.setdefault(self.current, []).append(line)

    def text(self, name: str) -> str:
        return "\n".join(self.fields.get(name, ())).strip()


def parse_report(text: str, kind: LessonKind) -> Report:
    """Every item of the report that is of this kind; never raises."""
    lines = _unfence(_unquote(_without_thinking(text).splitlines()))
    drafts, rest = _split(lines, kind)
    notes: list[str] = []
    items: list[LessonItem] = []
    for draft in drafts:
        item = _finish(draft, items, notes)
        if item:
            items.append(item)
    return Report(tuple(_capped(items, notes)), "\n".join(rest).strip(), tuple(notes))


def best_report(replies: Sequence[str], kind: LessonKind) -> str:
    """The reply that holds the report: the last with items of every type, else the last with any.

    An analyst may give its report and say that it is done in a later reply.
    """
    found = [(reply, {item.type for item in parse_report(reply, kind).items}) for reply in replies]
    for wanted in (len(TYPES[kind]), 1):
        for reply, types in reversed(found):
            if len(types) >= wanted:
                return reply
    return ""


def _without_thinking(text: str) -> str:
    """What follows the thinking; all of it when the thinking was never closed."""
    parts = _THOUGHT_END.split(text)
    if len(parts) > 1:
        after = parts[-1]
        return after if after.strip() else "\n".join(parts)
    return _THOUGHT_START.sub("", text)


def _unquote(lines: list[str]) -> list[str]:
    """A report that stands in a block quote loses the quote's marks."""
    if any(line.lstrip().startswith(">") and _item_heading(line) for line in lines):
        return [re.sub(r"^[ \t]*>[ \t]?", "", line) for line in lines]
    return lines


def _unfence(lines: list[str]) -> list[str]:
    """Drop the fence around a report. Fences inside an item are its own and stay."""
    headings = _headings(lines)
    first = min(headings, default=len(lines))
    dropped: set[int] = set()
    for start, end in _fences(lines):
        if start < first and _any_of(headings, start, end):
            dropped |= {start, end}
    return [line for number, line in enumerate(lines) if number not in dropped]


def _opaque(lines: list[str]) -> set[int]:
    """Lines of fenced blocks, where `## Title` is a sample and no field.

    A block that holds an item's heading was never closed: it hides nothing.
    """
    headings, edges = _headings(lines), [0] * (len(lines) + 1)
    for start, end in _fences(lines):
        behind = min(end + 1, len(lines))
        if not _any_of(headings, start, behind):
            edges[start] += 1
            edges[behind] -= 1
    return {number for number, depth in enumerate(accumulate(edges)) if depth}


def _headings(lines: list[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if _item_heading(line)]


def _any_of(numbers: list[int], start: int, behind: int) -> bool:
    """Whether one of the sorted numbers lies there."""
    return bisect_left(numbers, start) < bisect_left(numbers, behind)


def _fences(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First and last line of each fenced block, nested ones too; an open one ends with the text.

    Markdown does not nest fences of one length, but a report in a fence with code in it does.
    """
    open_fences: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if not match:
            continue
        if open_fences and not match["info"].strip():
            if match["fence"].startswith(open_fences[-1][1]):
                yield open_fences.pop()[0], number
        else:
            open_fences.append((number, match["fence"]))
    for start, _ in open_fences:
        yield start, len(lines)


def _split(lines: list[str], kind: LessonKind) -> tuple[list[_Draft], list[str]]:
    """Deal the lines out to items; the rest belongs to none."""
    opaque = _opaque(lines)
    drafts: list[_Draft] = []
    rest: list[str] = []
    draft: _Draft | None = None
    for number, line in enumerate(lines):
        if number not in opaque:
            if _SIGNAL.fullmatch(line):
                continue
            started = _item_heading(line)
            if started and started.type in TYPES[kind]:
                draft = started
                drafts.append(draft)
                continue
            if started or (draft and _ends(draft, line)):
                draft = None
            elif draft and _take_field(draft, line):
                continue
        if draft:
            draft.add(line)
        else:
            rest.append(line)
    return drafts, rest


def _item_heading(line: str) -> _Draft | None:
    lead = _LEADING.match(line)
    assert lead is not None
    match = _ITEM.match(line, lead.end())
    if not match:
        return None
    marked = bool(lead["hashes"] or lead["bold"])
    named = bool(match["word"] and match["number"])
    title = _after_heading(match["after"])
    if title is None or not (marked or named) or not (match["word"] or match["number"]):
        return None
    number = int(match["number"]) if match["number"] else None
    kind = cast(ItemType, f"{match['what']}_{match['kind']}".lower())
    return _Draft(kind, number, title, len(lead["hashes"] or ""))


def _after_heading(after: str) -> str | None:
    """The title on the heading's own line; None when the line goes on as a sentence."""
    if _BLANK_END.fullmatch(after):
        return ""
    inline = _INLINE.fullmatch(after)
    return inline["text"].strip(" \t*_`#") if inline else None


def _take_field(draft: _Draft, line: str) -> bool:
    """Start a field of the item; a second one of the same name is text of the first."""
    lead = _LEADING.match(line)
    assert lead is not None
    match = _FIELD.match(line, lead.end())
    if not match:
        return False
    name = re.sub(r"[ _]+(the[ _]+)?", "_", match["name"].lower())
    text = _field_text(match["after"])
    if text is None or name in draft.fields:
        return False
    if lead["hashes"]:
        draft.field_level = draft.field_level or len(lead["hashes"])
    draft.current = name
    draft.fields[name] = [text] if text else []
    return True


def _field_text(after: str) -> str | None:
    """The text on the field's own line; None when the line is a sentence, not a field."""
    if _BLANK_END.fullmatch(after):
        return ""
    inline = re.fullmatch(r"[ \t*_`]*:[ \t]*(?:[*_`]{1,3}(?=[ \t]|$))?[ \t]*(?P<text>.*)", after)
    return inline["text"].strip() if inline else None


def _ends(draft: _Draft, line: str) -> bool:
    """A heading above the item's fields that names something else, such as `# Summary`."""
    heading = re.match(r"^ {0,3}(#{1,6})[ \t]+\S", line)
    if not heading or _FIELD.match(line, heading.end() - 1):
        return False
    level = len(heading[1])
    return level < draft.field_level if draft.field_level else level <= draft.level


def _finish(draft: _Draft, before: list[LessonItem], notes: list[str]) -> LessonItem | None:
    label = draft.type.replace("_", " ")
    number = _number(draft, before, notes)
    loose = draft.text("")
    title, description, content = (draft.text(n) for n in ("title", "description", "content"))
    if loose:
        content = f"{loose}\n\n{content}".strip()
    if draft.inline and title and draft.inline.lower() not in title.lower():
        description = f"{draft.inline}\n{description}".strip()
    title = _one_line(title) or draft.inline
    if not title:
        title = _first_sentence(description or content)
        if title:
            notes.append(f"{label} item {number} has no title; its first sentence serves")
    if not title:
        notes.append(f"{label} item {number} is empty and was left out")
        return None
    for name, value in (("description", description), ("content", content)):
        if not value:
            notes.append(f"{label} item {number} has no {name}")
    return LessonItem(
        type=draft.type,
        number=number,
        title=title,
        description=description,
        content=content,
        relation_to_skill=draft.text("relation_to_skill"),
        skill_reflection=draft.text("skill_reflection"),
    )


def _number(draft: _Draft, before: list[LessonItem], notes: list[str]) -> int:
    """The number the report gives, or the next free one where it gives none or one twice."""
    taken = {item.number for item in before if item.type == draft.type}
    if draft.number and draft.number not in taken:
        return draft.number
    number = max(taken, default=0) + 1
    given = "no number" if draft.number is None else f"the number {draft.number}"
    notes.append(f"a {draft.type.replace('_', ' ')} item with {given} became number {number}")
    return number


def _capped(items: list[LessonItem], notes: list[str]) -> Iterator[LessonItem]:
    memories = 0
    for item in items:
        memories += item.type != "failure_cause"
        if item.type == "failure_cause" or memories <= MAX_MEMORIES:
            yield item
        else:
            notes.append(f"over the cap of {MAX_MEMORIES} memory items, left out: {item.title}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first_sentence(text: str) -> str:
    return one_line(re.split(r"(?<=[.!?])\s", _one_line(text), maxsplit=1)[0], 120)
