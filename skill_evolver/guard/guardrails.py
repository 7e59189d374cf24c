"""What an edit must not do, decided by code. Each rule drops edits with a reason that is reported.

Rules look at one edit (`RULES`) or at the edits of one patch together (create and link pairs).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis.lessons.leaks import LeakScan
from react_agent.skill_format import Problem
from react_agent.skills import MAIN, is_inside, is_protected
from skill_evolver.guard.screening import Screen
from skill_evolver.patches.apply import Splice, apply_edits, from_files, in_the_way, place, to_files
from skill_evolver.patches.patch import Edit, ExactEdit, SemanticEdit
from skill_evolver.patches.places import outline, to_lines
from skill_evolver.patches.rules import check, mentions, new_problems

EDITABLE = (".md", ".txt")
WORDS_PER_REASON = 6
"""Words that one word of explanation may take away."""
FREE_WORDS = 12
MAX_NAME = 120
"""Bytes of a file's name; encrypted folders of Linux take no more than 143."""
MAX_SHARE = 0.4
"""No edit takes away more of a file than this, whatever its reason."""


@dataclass(frozen=True)
class Objection:
    """One dropped edit: by which rule, and why."""

    edit: Edit
    rule: str
    reason: str


@dataclass(frozen=True)
class Guard:
    """The frozen skill, and everything an edit is judged by."""

    files: Mapping[str, str]
    scan: LeakScan
    injections: Screen = field(default_factory=Screen)
    other_files: frozenset[str] = frozenset()
    """What else lies in the folder, and so stands in the way of a new file of its name."""

    def one(self, edit: Edit) -> tuple[str, str] | None:
        """The rule an edit breaks by itself, and how; None when it is fine."""
        for file in edit.files:
            broken = _path(file) or self._taken(file)
            if broken:
                return broken
        leak = self.scan.find(f"{edit.title}\n{edit.words}")
        if leak:
            return "leak", f"holds {', '.join(leak)}"
        flagged = self.injections.one(edit, self.files)
        if flagged:
            return flagged
        if isinstance(edit, SemanticEdit):
            return None
        if edit.file not in self.files and edit.op != "create":
            return "unknown-file", f"{edit.file} does not exist"
        if edit.op == "delete_file" and edit.file == MAIN:
            return "protected", f"{MAIN} is never deleted"
        if edit.op != "replace_in_section" and outline(edit.content + "\n").open_fence:
            return "fence", "opens a code fence and never closes it"
        where = place(self.files, edit)
        return self._deletes(where) if isinstance(where, Splice) else None

    def screen(self, edits: Sequence[Edit]) -> tuple[list[Edit], list[Objection]]:
        """The edits of one patch that may go on; a rule for one edit spares its neighbours."""
        created = {file for e in edits for file in e.new_files}
        kept, dropped = [], []
        for edit in edits:
            broken = self.one(edit)
            if broken and isinstance(edit, ExactEdit) and edit.op != "create":
                made_here = edit.file in created and not _path(edit.file)
                if broken[0] == "unknown-file" and made_here:
                    broken = None
            if broken:
                dropped.append(Objection(edit, *broken))
            else:
                kept.append(edit)
        return self._pairs(kept, dropped)

    def trial(self, edit: ExactEdit, others: Sequence[ExactEdit]) -> list[Problem]:
        """Faults the skill would have with this edit (and its pair) alone."""
        alone = apply_edits(from_files(self.files), [*others, edit])
        before = check(self.files, max_skill_lines=10**9)
        after = check(to_files(alone.document), max_skill_lines=10**9)
        return [p for p in new_problems(before, after) if p.rule not in ("link", "orphan", "size")]

    def _taken(self, file: str) -> tuple[str, str] | None:
        rival = in_the_way(file, {*self.files, *self.other_files})
        if file in self.other_files:
            rival = file
        return ("path", f"{file}: {rival} of the skill is in its way") if rival else None

    def _deletes(self, where: Splice) -> tuple[str, str] | None:
        edit = where.edit
        if edit.op not in ("delete_section", "delete_file", "replace_in_section"):
            return None
        lines = to_lines(self.files[edit.file])
        gone = len(" ".join(lines[where.start : where.end]).split())
        net = gone - len(" ".join(where.lines).split())
        total = max(1, len(" ".join(lines).split()))
        allowed = FREE_WORDS + WORDS_PER_REASON * len(edit.reason.split())
        if net > allowed:
            return "deletes", f"takes away {net} words and explains {allowed}"
        if edit.op != "delete_file" and net > FREE_WORDS and net > MAX_SHARE * total:
            return "deletes", f"takes away {net} of {total} words of {edit.file}"
        return None

    def _pairs(
        self, kept: list[Edit], dropped: list[Objection]
    ) -> tuple[list[Edit], list[Objection]]:
        """A create without its link goes, and so does a link without its file, until all fit."""
        while True:
            broken = self._unpaired(kept)
            if not broken:
                return kept, dropped
            dropped += broken
            gone = {id(o.edit) for o in broken}
            kept = [e for e in kept if id(e) not in gone]

    def _unpaired(self, edits: Sequence[Edit]) -> list[Objection]:
        exact = [e for e in edits if isinstance(e, ExactEdit)]
        created = {e.file for e in exact if e.op == "create"}
        deleted = {e.file for e in exact if e.op == "delete_file"}
        found = []
        for edit in exact:
            if edit.op == "create" and edit.file not in self.files:
                linked = any(edit.file in mentions(e.content) for e in exact if e is not edit)
                if not linked and edit.file != MAIN:
                    found.append(Objection(edit, "orphan-create", f"nothing points at {edit.file}"))
                    continue
            elif edit.op != "create" and edit.file not in self.files and edit.file not in created:
                found.append(Objection(edit, "unknown-file", f"{edit.file} does not exist"))
                continue
            missing = {m for m in mentions(edit.content) if m not in self.files} - created
            missing |= mentions(edit.content) & deleted
            if missing:
                reason = f"points at {', '.join(sorted(missing))}, which nobody creates"
                found.append(Objection(edit, "dangling-link", reason))
        return found


def flagged_problems(guard: Guard, files: Mapping[str, str]) -> list[Problem]:
    """What the screen stops in the whole of a skill: the last look before it is written."""
    found = guard.injections.files(guard.files, files)
    return [Problem("flagged", file, why) for file, why in found]


def _path(file: str) -> tuple[str, str] | None:
    if not is_inside(file):
        return "path", f"{file!r} is no path inside the skill folder"
    if not file.isprintable() or max(len(p.encode()) for p in file.split("/")) > MAX_NAME:
        return "path", f"{file[:80]!r} is no name that every disk can hold"
    if is_protected(file):
        return "protected", f"{file} is protected"
    if not file.endswith(EDITABLE):
        return "unknown-file", f"{file} is no text of the skill"
    if file != MAIN and not file.startswith("references/"):
        return "unknown-file", f"{file}: new text goes to {MAIN} or references/"
    return None
