"""Edits that belong together are one lesson; lessons are counted, ordered, and kept or routed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from react_agent.skills import MAIN
from skill_evolver.lineage.provenance import Ledger, title_of
from skill_evolver.patches.patch import ExactEdit
from skill_evolver.patches.rules import mentions

RARE_FILE = "references/rare-cases.md"
_MOVABLE = frozenset({"append_to_section", "insert_after", "insert_before", "add_section"})


class Lesson(BaseModel):
    """What the change log, `lessons` and `revert` speak of."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    support: int
    runs: tuple[str, ...]
    edits: tuple[str, ...]
    files: tuple[str, ...]
    counted: int = 0
    """Other runs of the same classes of failure, counted and not analysed: no part of `support`."""

    @property
    def weight(self) -> str:
        """The support as lists show it."""
        return f"{self.support} (+{self.counted} counted)" if self.counted else str(self.support)


@dataclass
class _Group:
    edits: list[ExactEdit]
    order: int


def group(ledger: Ledger, edits: Sequence[ExactEdit], first: int = 1) -> list[Lesson]:
    """Lessons by support, then by what was only counted, then by order. A file and its pointers are
    one lesson, and so are the edits that a merge or a translation made of the same sources."""
    groups: list[_Group] = []
    for order, edit in enumerate(edits):
        mine = [g for g in groups if any(_together(ledger, edit, other) for other in g.edits)]
        joined = _Group(
            [e for g in mine for e in g.edits] + [edit], min([g.order for g in mine] or [order])
        )
        groups = [g for g in groups if g not in mine] + [joined]
    found = []
    for each in groups:
        ids = tuple(e.id for e in each.edits)
        runs = ledger.runs(ids) or ledger.reached_runs(ids)
        lead = next((e for e in each.edits if e.op != "create"), each.edits[0])
        files = tuple(dict.fromkeys(e.file for e in each.edits))
        counted = {name for run in runs for name in ledger.counted.get(run, ())} - {*runs}
        lesson = Lesson(
            id="",
            title=title_of(lead),
            support=len(runs),
            runs=runs,
            edits=ids,
            files=files,
            counted=len(counted),
        )
        found.append((-len(runs), -len(counted), each.order, lesson))
    ordered = [entry[-1] for entry in sorted(found, key=lambda entry: entry[:3])]
    return numbered(ordered, first)


def of_edits(lessons: Sequence[Lesson], alive: Collection[str], first: int) -> list[Lesson]:
    """The lessons that still have edits, without the others."""
    left = [
        e.model_copy(update={"edits": tuple(i for i in e.edits if i in alive)}) for e in lessons
    ]
    return numbered([e for e in left if e.edits], first)


def numbered(lessons: Sequence[Lesson], first: int) -> list[Lesson]:
    return [e.model_copy(update={"id": f"L{n}"}) for n, e in enumerate(lessons, start=first)]


def in_order(lessons: Sequence[Lesson], edits: Sequence[ExactEdit]) -> list[ExactEdit]:
    """The edits with the most supported lesson first; within one, in the order of the patch."""
    rank = {edit: n for n, lesson in enumerate(lessons) for edit in lesson.edits}
    return sorted(edits, key=lambda e: rank[e.id])


def route(
    ledger: Ledger, lessons: Sequence[Lesson], edits: Sequence[ExactEdit], below: int, tag: str = ""
) -> list[ExactEdit]:
    """Lessons with less support than `below` go to a reference with one pointer in SKILL.md."""
    rare = {i for lesson in lessons if lesson.support < below for i in lesson.edits}
    kept: list[ExactEdit] = []
    routed: list[ExactEdit] = []
    for edit in edits:
        movable = edit.id in rare and edit.file == MAIN and edit.op in _MOVABLE
        if movable and not mentions(edit.content):
            title = f"## {title_of(edit)}"
            update = {"file": RARE_FILE, "op": "add_section", "target_section": title}
            routed.append(
                edit.model_copy(update={**update, "after_section": "", "target_text": ""})
            )
        else:
            kept.append(edit)
    if not routed:
        return kept
    return [*kept, *_frame(ledger, routed[0].id, tag), *routed]


def _frame(ledger: Ledger, beside: str, tag: str) -> list[ExactEdit]:
    """The reference for rare cases, and its pointer."""
    create = ExactEdit(
        id=f"{tag}rare.1",
        file=RARE_FILE,
        op="create",
        title="Rare cases",
        content="# Rare cases\n\nEach came up once or nearly so; use one when it fits exactly.",
    )
    pointer = ExactEdit(
        id=f"{tag}rare.2",
        file=MAIN,
        op="add_section",
        title="Rare cases",
        target_section="## Rare cases",
        content=f"When nothing above fits, look into [{RARE_FILE}]({RARE_FILE}).",
    )
    for edit in (create, pointer):
        ledger.add(edit, "code-merge", "", beside=beside)
    return [create, pointer]


def _together(ledger: Ledger, one: ExactEdit, two: ExactEdit) -> bool:
    for a, b in ((one, two), (two, one)):
        if a.op == "create" and (a.file in mentions(b.content) or a.file == b.file):
            return True
        if not ledger.leaves(a.id) and ledger.reach(a.id) & ledger.leaves(b.id):
            return True
    return False
