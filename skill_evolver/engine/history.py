"""`provenance.json`, and how a skill folder finds its own.

A skill's history is a file of JSON lines in the folder of its backups: one line for every change
this project made to it. The latest one whose skill is the one on disk is the one that explains it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.files import append_line, digest, read_json, read_lines, write_json
from react_agent.skills import MAIN, Skill, backups_folder, split_frontmatter
from skill_evolver.engine.inputs import Run
from skill_evolver.guard.screening import Flagged, Review
from skill_evolver.lineage.grouping import Lesson
from skill_evolver.lineage.provenance import Dropped, Ledger, Node
from skill_evolver.patches.build import Built, build
from skill_evolver.patches.patch import ExactEdit

TrialVerdict = Literal["helped", "did not help", "could not be tried"]


class PatchTrial(BaseModel, frozen=True):
    """What became of one proposed patch."""

    patch: int
    tasks: tuple[str, ...]
    verdict: TrialVerdict
    edits: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"patch {self.patch} on {', '.join(self.tasks) or 'no task'}: {self.verdict}{why}"


class Provenance(BaseModel):
    """Everything needed to explain each line of an evolved skill and to build it again."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    skill: str
    created: str
    settings: dict[str, Any] = {}
    base: dict[str, str]
    """The text files before the first evolution this file covers."""
    steps: tuple[tuple[ExactEdit, ...], ...] = ()
    max_skill_lines: int = 500
    lessons: tuple[Lesson, ...] = ()
    nodes: dict[str, Node] = {}
    runs: dict[str, Run] = {}
    dropped: tuple[Dropped, ...] = ()
    flagged: tuple[Flagged, ...] = ()
    """What the screen or the review stopped, or let in at the user's word."""
    review: Review | None = None
    """Of the latest evolution, where it was reviewed."""
    gated: tuple[PatchTrial, ...] = ()
    """Of the latest evolution: what became of its patches on their own tasks."""
    reverted: tuple[Lesson, ...] = ()
    evolutions: int = 1
    embedded: bool = False

    def built(self) -> Built:
        return build(self.base, self.steps, self.max_skill_lines)

    def files(self) -> dict[str, str]:
        """The skill as it has to lie on disk."""
        files = self.built().files
        return embed(files, self) if self.embedded else files

    def ledger(self) -> Ledger:
        return Ledger(nodes=dict(self.nodes), dropped=list(self.dropped))


def embed(files: Mapping[str, str], provenance: Provenance) -> dict[str, str]:
    """Put lessons, supports and runs into the frontmatter's metadata, which agents never read."""
    header, _ = split_frontmatter(files[MAIN])
    compact = [[entry.id, entry.title, list(entry.runs)] for entry in provenance.lessons]
    value = json.dumps(compact, ensure_ascii=False).replace("---", "- - -").replace("'", "''")
    line = f"  trace2skill-lessons: '{value}'"
    lines = [text for text in header.split("\n") if not text.startswith("  trace2skill-lessons:")]
    if "metadata:" in lines:
        lines.insert(lines.index("metadata:") + 1, line)
    else:
        lines += ["metadata:", line]
    text = files[MAIN].replace(header, "\n".join(lines), 1) if header else files[MAIN]
    return {**files, MAIN: text}


FROM_HERE = "provenance_from_here"
"""Where a line's provenance lies as seen from the history's folder: both may be moved."""


@dataclass(frozen=True)
class HistoryEntry:
    """One change of a skill, as its history has it."""

    time: str
    what: str
    before: str
    after: str
    backup: str
    provenance: str


def files_digest(files: Mapping[str, str]) -> str:
    return digest(*(part for path in sorted(files) for part in (path, files[path])))


def history_file(folder: Path) -> Path:
    return backups_folder(folder) / f"{folder.resolve().name}_history.jsonl"


def history(folder: Path) -> list[HistoryEntry]:
    """In order; where skill and provenance were moved together, the moved one is named."""
    file, found = history_file(folder), []
    for value in read_lines(file):
        if isinstance(value, dict) and set(value) >= set(HistoryEntry.__annotations__):
            entry = HistoryEntry(**{k: str(value[k]) for k in HistoryEntry.__annotations__})
            moved = file.parent / str(value.get(FROM_HERE) or "")
            found.append(replace(entry, provenance=str(moved)) if moved.is_file() else entry)
    return found


def note_change(
    folder: Path,
    what: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    backup: Path | None,
    provenance: Path | None,
) -> None:
    entry = HistoryEntry(
        time=now(),
        what=what,
        before=files_digest(before),
        after=files_digest(after),
        backup=str(backup or ""),
        provenance=str(provenance.resolve()) if provenance else "",
    )
    if entry.after not in [e.after for e in history(folder)[-1:]]:
        file = history_file(folder)
        from_here = (
            os.path.relpath(provenance.resolve(), file.parent.resolve()) if provenance else ""
        )
        append_line(file, {**entry.__dict__, FROM_HERE: from_here})


def load_provenance(file: Path) -> Provenance:
    """Raises ContractError when the file is not a provenance file."""
    return fitted(Provenance, read_json(file), f"{file}: field ")


def save_provenance(file: Path, provenance: Provenance) -> None:
    write_json(file, provenance.model_dump(mode="json", exclude_defaults=True))


def explain(folder: Path, file: Path | None = None) -> tuple[Skill, Provenance, Path]:
    """The skill on disk, the provenance that belongs to it, and where that lies.

    Raises ContractError when none is known, saying where it was looked for.
    """
    skill = Skill.load(folder)
    if file:
        return skill, load_provenance(file), file
    now_digest = files_digest(skill.files)
    entries = [e for e in history(folder) if e.provenance]
    fitting = [e for e in entries if e.after == now_digest] or entries
    for entry in reversed(fitting):
        if Path(entry.provenance).is_file():
            return skill, load_provenance(Path(entry.provenance)), Path(entry.provenance)
    raise ContractError(
        f"{folder}: no evolution is known of this skill ({history_file(folder)}); "
        "name its provenance.json with --provenance"
    )


def previous(folder: Path, skill: Skill) -> Provenance | None:
    """The provenance that explains the skill as it lies there now, to go on from."""
    wanted = files_digest(skill.files)
    for entry in reversed(history(folder)):
        if entry.after == wanted and entry.provenance and Path(entry.provenance).is_file():
            return load_provenance(Path(entry.provenance))
    return None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
