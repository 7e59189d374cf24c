"""An evolved skill as its files show it: lines with their edits, the way back of every edit."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from react_agent.errors import ContractError
from react_agent.layout import INTERMEDIATES, PROVENANCE
from react_agent.skills import MAIN, Skill, backups_folder, find_skill
from reporting.runs.runview import Problem, RunView

if TYPE_CHECKING:
    from skill_evolver.engine.history import Provenance
    from skill_evolver.lineage.effects import LessonEffect


@dataclass(frozen=True)
class WrittenLine:
    """A line of the skill and the edit that wrote it; none for one that was there before, or that
    is blank and says nothing."""

    text: str
    edit: str = ""


@dataclass(frozen=True)
class EvolutionView:
    """A skill and its provenance, where that is known."""

    skill: Skill
    provenance: "Provenance | None" = None
    file: Path | None = None
    """Where the provenance lies."""
    problems: tuple[Problem, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "EvolutionView":
        """Raises ContractError when `path` is and holds no skill."""
        from skill_evolver.engine.history import explain, load_provenance

        skill = find_skill(path)
        try:
            _, provenance, file = explain(skill.root)
            return cls(skill, provenance, file)
        except ContractError as error:
            # The history names files by their full path; a folder that was moved has them still.
            for file in _kept(skill.root):
                try:
                    return cls(skill, load_provenance(file), file)
                except ContractError:
                    continue
            return cls(skill, problems=(Problem(str(skill.root), str(error)),))

    @property
    def base(self) -> Mapping[str, str]:
        """The skill's text files before the evolution; without a provenance as they are."""
        return self.provenance.base if self.provenance else self.skill.files

    def lines(self, path: str) -> list[WrittenLine]:
        """The lines of one file of the skill."""
        from skill_evolver.commands.blame import origins

        text = self.skill.files[path]
        if self.provenance is None:
            return [WrittenLine(line) for line in text.split("\n")]
        found = origins(text, path, self.provenance)
        return [WrittenLine(x.text, x.origin if x.text.strip() else "") for x in found]

    @property
    def files(self) -> list[str]:
        """Text files, SKILL.md first."""
        names = [n for n in self.skill.files if Path(n).suffix in (".md", ".txt", ".py", ".json")]
        return sorted(names, key=lambda name: (name != MAIN, name))

    @property
    def effects(self) -> "Mapping[str, LessonEffect]":
        """What was measured of this state of the skill, by lesson."""
        from skill_evolver.engine.history import files_digest
        from skill_evolver.lineage.effects import known_effects

        return known_effects(self.skill.root, files_digest(self.skill.files))

    @property
    def edits(self) -> tuple[str, ...]:
        """The edits that were carried out, in order."""
        steps = self.provenance.steps if self.provenance else ()
        return tuple(edit.id for step in steps for edit in step)


def _kept(folder: Path) -> Sequence[Path]:
    """Provenance files that lie where evolutions leave them, the latest first."""
    beside = backups_folder(folder) / f"{folder.resolve().name}_provenance"
    found = sorted(beside.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    above = [folder.resolve().parent.parent / INTERMEDIATES / PROVENANCE]
    return [*found, *(p for p in above if p.is_file())]


def find_evolved(runs: Sequence[RunView]) -> Path | None:
    """The evolved skill that lies in a run's folder or beside it, as the demo leaves it."""
    for run in runs:
        for root in (run.layout.root, run.layout.root.parent):
            for main in sorted((root / "evolution" / "skills").glob(f"*/{MAIN}")):
                return main.parent
    return None


def lessons_of(view: EvolutionView, trajectories: Mapping[str, str]) -> dict[str, Any]:
    """What the lessons view shows; `trajectories` leads from a run's key to its detail."""
    provenance = view.provenance
    content: dict[str, Any] = {
        "skill": str(view.skill.root),
        "source": str(view.file or ""),
        "files": [
            {"path": path, "lines": [[x.text, x.edit] for x in view.lines(path)]}
            for path in view.files
        ],
        "diff": list(diff_of(view.base, view.skill.files)),
    }
    if provenance is None:
        return content
    return {
        **content,
        "created": provenance.created,
        "settings": provenance.settings,
        "lessons": [lesson.model_dump(mode="json") for lesson in provenance.lessons],
        "effects": {name: str(one) for name, one in view.effects.items()},
        "reverted": [lesson.model_dump(mode="json") for lesson in provenance.reverted],
        "nodes": {
            name: node.model_dump(mode="json", exclude_defaults=True, exclude={"id"})
            for name, node in provenance.nodes.items()
        },
        "runs": {
            key: {
                **run.model_dump(mode="json", exclude_defaults=True),
                "detail": trajectories.get(key, ""),
            }
            for key, run in provenance.runs.items()
        },
        "gated": [str(trial) for trial in provenance.gated],
        "dropped": [entry.model_dump(mode="json") for entry in provenance.dropped],
    }


def diff_of(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Each changed file with its lines: a sign, the old number, the new number, the text."""
    for path in sorted({*before, *after}, key=lambda name: (name != MAIN, name)):
        old, new = (files.get(path, "").splitlines() for files in (before, after))
        if old == new:
            continue
        rows: list[list[Any]] = []
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for group in matcher.get_grouped_opcodes(3):
            rows += [["@", "", "", f"line {group[0][3] + 1}"]]
            for what, a, a_end, b, b_end in group:
                if what == "equal":
                    rows += [[" ", a + n + 1, b + n + 1, new[b + n]] for n in range(b_end - b)]
                else:
                    rows += [["-", n + 1, "", old[n]] for n in range(a, a_end)]
                    rows += [["+", "", n + 1, new[n]] for n in range(b, b_end)]
        state = "new file" if path not in before else "removed" if path not in after else "changed"
        yield {"path": path, "state": state, "rows": rows}
