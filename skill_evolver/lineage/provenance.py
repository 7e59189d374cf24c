"""Who taught what: every edit's way from the trajectories, kept by code through all merges.

A MAP edit is a *leaf*. Each leaf is owned by exactly one living edit or stands in the list of
dropped ones, whatever merges did, failed to do or forgot; so the sum of owned leaves never changes.
Support is the number of distinct trajectories behind the owned leaves.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict
from rapidfuzz import fuzz

from skill_evolver.patches.patch import Edit, ExactEdit, Patch
from skill_evolver.patches.rules import mentions

INFER_SIMILARITY = 70
"""Of 100: an input this alike to a merged edit went into it, when the model named no source."""
SAME_SIMILARITY = 95
"""Of 100: two edits of one file this alike are one lesson."""

Phase = Literal["map", "merge", "code-merge", "translation", "repair"]
How = Literal["recorded", "inferred", "carried"]
"""recorded: the model named the source. inferred: found by text similarity.
carried: the merge did not account for the input, so it goes on as it was."""


class Link(BaseModel):
    model_config = ConfigDict(frozen=True)

    parent: str
    how: How


class Node(BaseModel):
    """One edit of one patch, and the edits or runs it comes from."""

    model_config = ConfigDict(frozen=True)

    id: str
    phase: Phase
    patch: str
    """The file of the patch, relative to the intermediates."""
    title: str
    text: str
    links: tuple[Link, ...] = ()
    runs: tuple[str, ...] = ()
    """Of a MAP edit: the keys of its trajectories."""
    runs_how: How = "recorded"
    beside: str = ""
    """Of an edit without leaves of its own: the edit that owns what it comes from."""


class Dropped(BaseModel):
    """An edit that did not reach the skill, and the reason."""

    model_config = ConfigDict(frozen=True)

    id: str
    stage: str
    rule: str
    reason: str
    title: str = ""
    leaves: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass
class Ledger:
    nodes: dict[str, Node] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """Links by how they were found, and ids that named nothing."""
    counted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By run, others that failed in the same class and were counted, not analysed."""
    _leaves: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(
        self,
        edit: Edit,
        phase: Phase,
        patch: str,
        links: tuple[Link, ...] = (),
        *,
        beside: str = "",
        runs: tuple[str, ...] = (),
        runs_how: How = "recorded",
    ) -> None:
        self.nodes[edit.id] = Node(
            id=edit.id,
            phase=phase,
            patch=patch,
            title=title_of(edit),
            text=edit.words,
            links=links,
            beside=beside,
            runs=runs,
            runs_how=runs_how,
        )
        self._leaves.pop(edit.id, None)

    def leaves(self, edit_id: str) -> frozenset[str]:
        """The MAP edits an edit owns."""
        if edit_id not in self._leaves:
            node = self.nodes[edit_id]
            own = [self.leaves(link.parent) for link in node.links]
            is_leaf = node.phase == "map"
            self._leaves[edit_id] = frozenset([edit_id] if is_leaf else []).union(*own)
        return self._leaves[edit_id]

    def runs(self, edit_ids: Iterable[str]) -> tuple[str, ...]:
        """The distinct trajectories behind these edits, in order."""
        return self._runs_of({leaf for i in edit_ids for leaf in self.leaves(i)})

    def _runs_of(self, leaves: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run for leaf in sorted(leaves) for run in self.nodes[leaf].runs))

    def reach(self, edit_id: str) -> frozenset[str]:
        """The MAP edits an edit owns or shares with the edit that owns them."""
        found, todo, seen = set(self.leaves(edit_id)), [edit_id], {edit_id}
        while todo:
            node = self.nodes[todo.pop()]
            for name in [link.parent for link in node.links] + [node.beside]:
                if name and name not in seen:
                    seen.add(name)
                    todo.append(name)
                    found |= self.leaves(name)
        return frozenset(found)

    def reached_runs(self, edit_ids: Iterable[str]) -> tuple[str, ...]:
        """The trajectories behind these edits, shared ones too."""
        return self._runs_of({leaf for i in edit_ids for leaf in self.reach(i)})

    def support(self, *edit_ids: str) -> int:
        return len(self.runs(edit_ids))

    def drop(self, edit: Edit, stage: str, rule: str, reason: str) -> None:
        self.dropped.append(
            Dropped(
                id=edit.id,
                stage=stage,
                rule=rule,
                reason=reason,
                title=title_of(edit),
                leaves=tuple(sorted(self.leaves(edit.id))),
                runs=self.runs([edit.id]),
            )
        )

    def refuse(self, name: str, stage: str, rule: str, reason: str, title: str) -> None:
        """Note something that was never entered as an edit."""
        self.dropped.append(Dropped(id=name, stage=stage, rule=rule, reason=reason, title=title))

    def audit(self, living: Iterable[str]) -> list[str]:
        """Leaves that are owned twice or by nobody; empty is the promise of this module."""
        seen = Counter(leaf for i in living for leaf in self.leaves(i))
        seen.update(leaf for entry in self.dropped for leaf in entry.leaves)
        all_leaves = {i for i, node in self.nodes.items() if node.phase == "map"}
        lost = sorted(all_leaves - set(seen))
        twice = sorted(leaf for leaf, times in seen.items() if times > 1)
        return [f"{i}: lost" for i in lost] + [f"{i}: owned twice" for i in twice]


def title_of(edit: Edit) -> str:
    """The lesson in a few words: its title, its heading, its bold lead, or its first words."""
    if edit.title.strip():
        return edit.title.strip()[:100]
    if not isinstance(edit, ExactEdit):
        return edit.intent.strip()[:100]
    if edit.op == "add_section":
        return edit.target_section.lstrip("# ").strip()[:100]
    text = edit.words.strip()
    lead = re.search(r"\*\*(.+?)\*\*|^#+ (.+)$|\[([^\]]+)\]\(", text, re.MULTILINE)
    words = next((g for g in lead.groups() if g), "") if lead else ""
    first = re.split(r"(?<=[.:;])\s|\n", re.sub(r"^[-*+\s\d.]+", "", text))[0]
    return (words or first).strip()[:100].rstrip(".:; ")


def similarity(one: Edit, two: Edit) -> float:
    """How alike two edits are in what they teach, 0 to 100."""
    new_one, new_two = bool(one.new_files), bool(two.new_files)
    if new_one != new_two:
        return 0.0
    if new_one and one.files == two.files:
        return 100.0
    score = fuzz.token_set_ratio(_words(one), _words(two))
    pointers = mentions(one.words) ^ mentions(two.words)
    return score * (0.6 if pointers else 1.0) * (1.0 if set(one.files) & set(two.files) else 0.9)


def _words(edit: Edit) -> str:
    return f"{edit.title} {edit.words}".casefold()


def settle(
    ledger: Ledger,
    inputs: Sequence[Patch],
    merged: Patch,
    aliases: dict[str, str],
    *,
    prefix: str,
    patch_file: str,
) -> Patch:
    """Give the edits of a merge their ids and owners; what it forgot goes on unchanged.

    `aliases` translates the short ids of the prompt into ours.
    """
    before = [edit for patch in inputs for edit in patch.edits]
    claims = [_claims(edit, aliases, ledger) for edit in merged.edits]
    owner, how = _owners(before, merged, claims, aliases, ledger)
    edits: list[Edit] = []
    new_ids = {n: f"{prefix}.{n + 1}" for n in range(len(merged.edits))}
    for number, edit in enumerate(merged.edits):
        links = tuple(Link(parent=e.id, how=how[e.id]) for e in before if owner.get(e.id) == number)
        beside = "" if links else _beside(edit, claims[number], owner, before, number)
        if not links and beside == "":
            reason = "comes from no edit that was given to the merge"
            ledger.refuse(new_ids[number], "merge", "invented", reason, title_of(edit))
            continue
        edits.append(edit.model_copy(update={"id": new_ids[number], "sources": ()}))
        companion = new_ids.get(owner[beside], "") if beside else ""
        ledger.add(edits[-1], "merge", patch_file, links, beside=companion)
        for link in links:
            ledger.counts[link.how] += 1
    return merged.with_edits(edits + _carry(before, owner, merged, aliases, ledger))


def _claims(edit: Edit, aliases: dict[str, str], ledger: Ledger) -> tuple[str, ...]:
    named = dict.fromkeys([*edit.sources, *([edit.id] if edit.id else [])])
    known = tuple(aliases[name] for name in named if name in aliases)
    ledger.counts["unknown ids"] += len(named) - len(known)
    return known


def _owners(
    before: Sequence[Edit],
    merged: Patch,
    claims: Sequence[tuple[str, ...]],
    aliases: dict[str, str],
    ledger: Ledger,
) -> tuple[dict[str, int], dict[str, How]]:
    """For every input the one merged edit that owns it, where there is one."""
    refused = {aliases.get(r.id) for r in merged.dropped if r.reason.strip()}
    owner: dict[str, int] = {}
    how: dict[str, How] = {}
    for edit in before:
        claimers = [n for n, names in enumerate(claims) if edit.id in names]
        candidates = claimers or range(len(merged.edits))
        scored = sorted(((similarity(edit, merged.edits[n]), -n) for n in candidates), reverse=True)
        if claimers:
            owner[edit.id], how[edit.id] = -scored[0][1], "recorded"
        elif edit.id not in refused and scored and scored[0][0] >= INFER_SIMILARITY:
            owner[edit.id], how[edit.id] = -scored[0][1], "inferred"
    return owner, how


def _beside(
    edit: Edit,
    claimed: tuple[str, ...],
    owner: dict[str, int],
    before: Sequence[Edit],
    number: int,
) -> str:
    """An input that this edit shares with the merged edit which owns it; "" when there is none."""
    for name in claimed:
        if owner.get(name, number) != number:
            return name
    alike = [(similarity(edit, e), e.id) for e in before if owner.get(e.id, number) != number]
    score, name = max(alike, default=(0.0, ""))
    return name if score >= INFER_SIMILARITY else ""


def _carry(
    before: Sequence[Edit],
    owner: dict[str, int],
    merged: Patch,
    aliases: dict[str, str],
    ledger: Ledger,
) -> list[Edit]:
    """Inputs nobody owns: dropped with the merge's reason, else carried on."""
    reasons = {aliases.get(r.id): r.reason.strip() for r in merged.dropped if r.reason.strip()}
    carried: list[Edit] = []
    for edit in before:
        if edit.id in owner:
            continue
        if edit.id in reasons:
            ledger.drop(edit, "merge", "refused by the merge", reasons[edit.id])
        else:
            carried.append(edit)
            ledger.counts["carried"] += 1
    return carried


def leaf(ledger: Ledger, edit: Edit, patch_file: str, runs: Sequence[str]) -> Edit:
    """Enter a MAP edit; of a batch, the runs the model named, else all of the batch."""
    named = tuple(run for run in runs if run in edit.sources)
    how: How = "recorded" if named or len(runs) == 1 else "inferred"
    ledger.add(edit, "map", patch_file, runs=named or tuple(runs), runs_how=how)
    return edit.model_copy(update={"sources": ()})


def derive(
    ledger: Ledger,
    edits: Sequence[Edit],
    parent: Edit,
    patch_file: str,
) -> list[Edit]:
    """Exact edits made of one edit: the first owns what the parent owned, the rest stand beside."""
    made: list[Edit] = []
    for number, edit in enumerate(edits, start=1):
        new = edit.model_copy(update={"id": f"{parent.id}{chr(96 + min(number, 26))}"})
        if new.title == "" and parent.title:
            new = new.model_copy(update={"title": parent.title})
        links = (Link(parent=parent.id, how="recorded"),) if number == 1 else ()
        made.append(new)
        ledger.add(new, "translation", patch_file, links, beside="" if links else made[0].id)
    return made


def merge_by_code(
    ledger: Ledger, patches: Sequence[Patch], *, prefix: str, patch_file: str
) -> Patch:
    """The union of the edits; those that say the same become one with both supports."""
    groups: list[list[Edit]] = []
    for edit in (e for patch in patches for e in patch.edits):
        for group in groups:
            if _same(group[0], edit):
                group.append(edit)
                break
        else:
            groups.append([edit])
    merged: list[Edit] = []
    for group in groups:
        if len(group) == 1:
            merged.append(group[0])
            continue
        best = max(group, key=lambda e: (ledger.support(e.id), len(e.words)))
        new = best.model_copy(update={"id": f"{prefix}.{len(merged) + 1}"})
        links = tuple(Link(parent=e.id, how="inferred") for e in group)
        ledger.add(new, "code-merge", patch_file, links)
        merged.append(new)
    notes = tuple(note for patch in patches for note in patch.changelog_entries)
    return Patch(
        reasoning="Merged by code: the union of the edits.",
        edits=tuple(merged),
        changelog_entries=tuple(dict.fromkeys(notes)),
    )


def _same(one: Edit, two: Edit) -> bool:
    if one.files != two.files or one.kind != two.kind:
        return False
    if isinstance(one, ExactEdit) and isinstance(two, ExactEdit) and one.op != two.op:
        anchored = {"insert_after", "insert_before", "append_to_section", "add_section"}
        if not {one.op, two.op} <= anchored:
            return False
    first, second = _words(one), _words(two)
    if set(re.findall(r"\d+", first)) != set(re.findall(r"\d+", second)):
        return False  # other numbers, other files: alike in letters only
    return bool(fuzz.ratio(first, second) >= SAME_SIMILARITY)
