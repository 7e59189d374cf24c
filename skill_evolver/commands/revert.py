"""`trace2skill revert SKILL LESSON_ID`: take a lesson out everywhere and check the skill again."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.commands.settings import Revert
from skill_evolver.engine.result import NOT_WRITTEN

if TYPE_CHECKING:
    from skill_evolver.engine.history import Provenance
    from skill_evolver.patches.patch import ExactEdit


def main(argv: list[str] | None = None) -> int:
    return run_stage(
        _work,
        Revert,
        argv,
        "Take lessons out of an evolved skill, everywhere, and check the skill again.",
        "The skill is built anew from its base without them; a copy goes to its backups first.",
    )


def _work(settings: Revert) -> int:
    from react_agent.skills import find_skill, only_editor

    folder = find_skill(settings.skill).root
    with only_editor(folder):
        return _revert(settings, folder)


def _revert(settings: Revert, folder: Path) -> int:
    from react_agent.registry import SKILL_FORMATS, find
    from react_agent.skills import backup
    from skill_evolver.engine.history import explain
    from skill_evolver.engine.writing import keep, swap

    skill, old, _ = explain(folder, settings.provenance)
    new = without(old, settings.lessons)
    files = carried_over(skill.files, old.files(), new.files())
    form = find(SKILL_FORMATS, "the skill format", old.settings.get("format", "agentskills"))()
    copy = backup(folder)
    faults = swap(form, folder, files, old.max_skill_lines)
    if faults:
        say("\n".join(f"problem: {fault}" for fault in faults), file=sys.stderr)
        say("the skill is as it was")
        return NOT_WRITTEN
    keep(folder, f"reverted {' '.join(settings.lessons)}", skill.files, files, new, copy)
    say(f"reverted {', '.join(settings.lessons)}; {len(new.lessons)} lessons are left")
    return OK


def without(provenance: "Provenance", names: Sequence[str]) -> "Provenance":
    """The same evolution without these lessons. Raises ContractError for an unknown one."""
    known = {lesson.id: lesson for lesson in provenance.lessons}
    missing = [name for name in names if name not in known]
    if missing:
        raise ContractError(f"no lesson {', '.join(missing)}; there is {', '.join(known)}")
    gone = {edit for name in names for edit in known[name].edits}
    steps = [tuple(e for e in step if e.id not in gone) for step in provenance.steps]
    steps = [tuple(_rooted(step, provenance, gone)) for step in steps]
    return provenance.model_copy(
        update={
            "steps": tuple(steps),
            "lessons": tuple(e for e in provenance.lessons if e.id not in names),
            "reverted": (*provenance.reverted, *(known[name] for name in names)),
        }
    )


def _rooted(
    step: "Sequence[ExactEdit]", provenance: "Provenance", gone: set[str]
) -> "list[ExactEdit]":
    """Lessons that stood in a section which a reverted lesson had added bring it with them."""
    from skill_evolver.patches.places import heading_title

    lost = {
        heading_title(edit.target_section): edit
        for edits in provenance.steps
        for edit in edits
        if edit.id in gone and edit.op == "add_section"
    }
    kept = []
    for edit in step:
        parent = lost.get(heading_title(edit.target_section))
        if parent and edit.op == "append_to_section" and edit.file == parent.file:
            place = {"after_section": parent.after_section, "target_section": parent.target_section}
            edit = edit.model_copy(update={"op": "add_section", **place})
        kept.append(edit)
    return kept


def carried_over(
    now: Mapping[str, str], old: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, str]:
    """The skill on disk with the difference between old and new carried out on it.

    Raises ContractError when a file that has to change was edited by hand since.
    """
    files = dict(now)
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        if now.get(path) != old.get(path):
            raise ContractError(
                f"{path}: was changed since the evolution; take the lesson out by hand"
            )
        if path in new:
            files[path] = new[path]
        else:
            files.pop(path, None)
    return files
