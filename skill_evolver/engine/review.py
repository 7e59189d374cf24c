"""One more reader before a skill is written: a model that sees the final diff and judges each edit.

What it calls harmful is left out like anything that the screen stops, and `--allow-flagged` lets it
in. A review whose reply cannot be read is none, and says so.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain
from typing import Any

from pydantic import ValidationError

from react_agent.configfile import first_problem
from react_agent.files import digest
from react_agent.model import Message, briefing
from skill_evolver.engine.asking import PROMPTS
from skill_evolver.engine.finish import Finished, Finisher
from skill_evolver.guard.guardrails import Guard
from skill_evolver.guard.injections import Finding
from skill_evolver.guard.screening import PREFIX, EditVerdict, Review
from skill_evolver.lineage.grouping import of_edits
from skill_evolver.patches.apply import Document, Line, to_files
from skill_evolver.patches.build import alone, build
from skill_evolver.patches.codecs import PatchFormatError
from skill_evolver.patches.patch import ExactEdit
from skill_evolver.patches.places import to_lines

RULE = "review"
REASON = 300
_DECODER = json.JSONDecoder(strict=False)


async def reviewed(
    finisher: Finisher, result: Finished, guard: Guard
) -> tuple[Finished, Review | None]:
    """The result without what the model calls harmful; None when there was nothing to review."""
    edits = {f"e{n}": e for n, e in enumerate((e for s in result.steps for e in s), start=1)}
    if not edits or result.problems:
        return result, None
    talk = await finisher.evolver.ask(
        "review_0001",
        question(guard.files, result.built.document, edits),
        priority=1,
        parse=lambda reply: read_verdicts(reply, edits),
    )
    if talk.value is None:
        return result, Review(not_reviewed=_line(talk.complaint.split("\n")[0]))
    harmful = [(edits[v.edit], v.reason) for v in talk.value if v.verdict == "harmful"]
    named = tuple(v.model_copy(update={"edit": edits[v.edit].id}) for v in talk.value)
    return _without(harmful, finisher, result, guard), Review(verdicts=named)


def question(
    before: Mapping[str, str], after: Document, edits: Mapping[str, ExactEdit]
) -> list[Message]:
    names = {edit.id: name for name, edit in edits.items()}
    lines = [_heading(name, edit) for name, edit in edits.items()]
    for path in sorted({*before, *after}):
        lines += _hunks(path, to_lines(before.get(path, "")), after.get(path, ()), names)
    material = "\n".join(lines)
    user = PROMPTS.render(
        "review/user.j2", mark=digest(material)[:16], material=material, names=edits
    )
    return briefing(PROMPTS.render("review/system.j2"), user)


def _heading(name: str, edit: ExactEdit) -> str:
    said = f"{name}: {edit.op} in {edit.file}: {edit.target_section} | {edit.title} | {edit.reason}"
    return " ".join(said.split())


def _hunks(
    path: str, old: Sequence[str], new: Sequence[Line], names: Mapping[str, str]
) -> Iterator[str]:
    texts = [line.text for line in new]
    for group in SequenceMatcher(None, old, texts, autojunk=False).get_grouped_opcodes(3):
        if all(kind == "equal" for kind, *_ in group):
            continue
        yield f"@@ {path}, line {group[0][3] + 1} @@"
        for kind, start, end, first, last in group:
            mark = " " if kind == "equal" else "-"
            yield from (f"{mark} {text}" for text in old[start:end])
            if kind != "equal":
                yield from (f"+ [{names.get(x.origin, '')}] {x.text}" for x in new[first:last])


def read_verdicts(reply: str, names: Mapping[str, Any]) -> tuple[EditVerdict, ...]:
    """The last verdicts of a reply, whole. Raises PatchFormatError, which says what to mend."""
    try:
        found = Review.model_validate({"verdicts": _last(reply)["verdicts"]}).verdicts
    except ValidationError as error:
        raise PatchFormatError(first_problem(error)) from None
    given = [verdict.edit for verdict in found]
    for what, wrong in (
        ("No verdict on", [name for name in names if name not in given]),
        ("There is no edit", [name for name in given if name not in names]),
        ("More than one verdict on", [name for name in names if given.count(name) > 1]),
    ):
        if wrong:
            raise PatchFormatError(f"{what} {_line(', '.join(wrong))}.")
    return tuple(v.model_copy(update={"reason": _line(v.reason)}) for v in found)


def _last(reply: str) -> dict[str, Any]:
    found, at = None, 0
    while start := re.compile(r"\{").search(reply, at):
        try:
            value, at = _DECODER.raw_decode(reply, start.start())
        except (ValueError, RecursionError):
            at = start.end()
            continue
        found = value if "verdicts" in value else found
    if found is None:
        raise PatchFormatError('No JSON object with "verdicts" in the reply.')
    return dict(found)


def _line(text: str) -> str:
    """Words of a model as one line that is safe to print."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat)[:REASON]


def _without(
    harmful: Sequence[tuple[ExactEdit, str]], finisher: Finisher, result: Finished, guard: Guard
) -> Finished:
    """The skill built anew from the edits that may stay."""
    ledger, screen = finisher.evolver.ledger, guard.injections
    gone: set[str] = set()
    for edit, reason in harmful:
        if {RULE, edit.id} & screen.allowed:
            screen.let_in[edit.id, RULE] = Finding(RULE, "", reason)
        else:
            ledger.drop(edit, RULE, f"{PREFIX}{RULE}", reason)
            gone.add(edit.id)
    if not gone:
        return result
    limit = finisher.evolver.settings.max_skill_lines
    while True:
        steps = [[e for e in step if e.id not in gone] for step in result.steps]
        built = build(guard.files, steps, limit)
        lost = [(edit, why.reason) for edit, why in built.left]
        if not lost:
            now, before = (list(chain.from_iterable(each)) for each in (steps, result.steps))
            lost = [(edit, f"{why} was left out") for edit, why in alone(now, before)]
        if not lost:
            break
        for edit, reason in lost:
            ledger.drop(edit, RULE, "pair", reason)
            gone.add(edit.id)
    alive = {i for lesson in result.lessons for i in lesson.edits} - gone
    lessons = of_edits(result.lessons, alive, finisher.first_lesson)
    files = to_files(built.document)
    problems = finisher.problems(guard, files)
    return replace(
        result, files=files, built=built, steps=steps, lessons=lessons, problems=problems
    )
