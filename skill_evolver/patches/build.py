"""From the skill as it was and the accepted edits to the skill as it will be, always the same way.

Evolution, blame and revert all build the skill with this one function, so what blame says about a
line is how the line came to be.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from react_agent.skills import MAIN
from skill_evolver.patches.apply import (
    Document,
    Line,
    Splice,
    Unplaced,
    apply_edits,
    from_files,
    text_of,
    to_files,
)
from skill_evolver.patches.patch import ExactEdit
from skill_evolver.patches.places import Section, outline, to_lines
from skill_evolver.patches.rules import MAX_REFERENCE_LINES, mentions

ROOM = 10
"""Lines kept free below the limit of a reference that a section moves into."""


@dataclass
class Built:
    base: Mapping[str, str]
    document: Document
    left: list[tuple[ExactEdit, Unplaced]] = field(default_factory=list)
    done: list[Splice] = field(default_factory=list)
    waited: int = 0
    moved: list[str] = field(default_factory=list)
    """Sections that went to references because SKILL.md was too long."""

    @property
    def files(self) -> dict[str, str]:
        """The skill as text; a file without a change is what it was to the last byte."""
        new = to_files(self.document)
        same = {p: t for p, t in self.base.items() if p in new and to_lines(t) == to_lines(new[p])}
        return {**new, **same}


def build(
    base: Mapping[str, str], steps: Sequence[Sequence[ExactEdit]], max_skill_lines: int
) -> Built:
    """Carry out the steps one after the other; an over-long SKILL.md is split after each."""
    built = Built(base, from_files(base))
    for edits in steps:
        applied = apply_edits(built.document, list(edits))
        built.document = applied.document
        built.left += applied.left
        built.done += applied.done
        built.waited += applied.waited
        split(built, max_skill_lines)
    return built


def without_broken_pairs(
    base: Mapping[str, str], edits: Sequence[ExactEdit], max_skill_lines: int
) -> tuple[list[ExactEdit], list[tuple[ExactEdit, Unplaced]], Built]:
    """The edits that can all be carried out; one that cannot takes its file or pointer with it."""
    chosen, refused = list(edits), list[tuple[ExactEdit, Unplaced]]()
    while True:
        built = build(base, [chosen], max_skill_lines)
        if not built.left:
            return chosen, refused, built
        refused += built.left
        gone = {edit.id for edit, _ in built.left}
        left = [e for e in chosen if e.id not in gone]
        lost = alone(left, chosen)
        refused += [(e, Unplaced(f"{why} could not be written", "pair")) for e, why in lost]
        chosen = [e for e in left if e.id not in {other.id for other, _ in lost}]


def alone(now: Sequence[ExactEdit], before: Sequence[ExactEdit]) -> list[tuple[ExactEdit, str]]:
    """Edits that have lost what they belong with, and what that was."""
    made, still = ({e.file for e in edits if e.op == "create"} for edits in (before, now))
    once, pointed = ({m for e in edits for m in mentions(e.content)} for edits in (before, now))
    found = []
    for edit in now:
        if mentions(edit.content) & (made - still):
            found.append((edit, "the file it points at"))
        elif edit.op == "create" and edit.file in once - pointed:
            found.append((edit, "what points at it"))
    return found


def split(built: Built, max_skill_lines: int) -> None:
    """Move the longest sections that this evolution wrote to references until SKILL.md fits."""
    for _ in range(50):
        lines = built.document.get(MAIN, ())
        if len(lines) < max_skill_lines:
            return
        section = _candidate(lines, len(lines) - max_skill_lines + 1)
        if section is None:
            return
        _move(built, section)


def _candidate(lines: Sequence[Line], needed: int) -> Section | None:
    """The smallest section that frees enough, else the largest; evolved ones first."""
    found = []
    for section in outline(text_of(lines)).sections:
        size = section.end - section.start
        if section.level > 1 and 8 <= size < MAX_REFERENCE_LINES - ROOM:
            evolved = any(line.origin for line in lines[section.start : section.end])
            found.append((evolved, size, section))
    if not found:
        return None
    enough = [entry for entry in found if entry[1] - 4 >= needed]
    if enough:
        return max(enough, key=lambda entry: (entry[0], -entry[1]))[2]
    return max(found, key=lambda entry: (entry[0], entry[1]))[2]


def _move(built: Built, section: Section) -> None:
    lines = built.document[MAIN]
    body = lines[section.start + 1 : section.end]
    slug = re.sub(r"[^a-z0-9]+", "-", section.title.casefold()).strip("-")[:50] or "details"
    path = next(
        name
        for name in (f"references/{slug}{'' if n == 1 else f'-{n}'}.md" for n in range(1, 99))
        if name not in built.document
    )
    origin = next((line.origin for line in [*body, *reversed(lines)] if line.origin), "")
    while body and not body[0].text.strip():
        body = body[1:]
    while body and not body[-1].text.strip():
        body = body[:-1]
    title = Line(f"# {section.title}", origin)
    shifted = tuple(Line(x.text.replace("](references/", "]("), x.origin) for x in body)
    built.document[path] = (title, Line("", origin), *shifted)
    pointer = f"Read [{path}]({path}) before work of this kind."
    follows = lines[section.end :]
    built.document[MAIN] = (
        *lines[: section.start + 1],
        Line("", origin),
        Line(pointer, origin),
        *([Line("", origin)] if follows else []),
        *follows,
    )
    built.moved.append(f"{section.title} -> {path}")
