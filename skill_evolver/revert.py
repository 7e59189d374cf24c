"""`trace2skill revert SKILL LESSON_ID`: take a lesson out everywhere and check the skill again."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import OK, run_script, script_parser
from react_agent.errors import ContractError
from skill_evolver.flags import NOT_WRITTEN
from skill_evolver.lessons import add_skill

if TYPE_CHECKING:
    from skill_evolver.history import Provenance
    from skill_evolver.patch import ExactEdit


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(
        "Take lessons out of an evolved skill, everywhere, and check the skill again.",
        "The skill is built anew from its base without them; a copy goes to its backups first.",
    )
    add_skill(parser)
    parser.add_argument("lessons", nargs="+", metavar="LESSON_ID", help="as `lessons` lists them")
    return run_script(_work, parser, argv)


def _work(args: argparse.Namespace) -> int:
    from react_agent.skills import find_skill, only_editor

    folder = find_skill(args.skill).root
    with only_editor(folder):
        return _revert(args, folder)


def _revert(args: argparse.Namespace, folder: Path) -> int:
    from react_agent.skills import Skill, backup, backups_folder, write_skill
    from skill_evolver.history import explain, files_digest, note_change, save_provenance
    from skill_evolver.rules import check_folder, new_problems

    skill, old, _ = explain(folder, args.provenance)
    new = without(old, args.lessons)
    files = carried_over(skill.files, old.files(), new.files())
    before = check_folder(skill, old.max_skill_lines)
    copy = backup(folder)
    write_skill(folder, files)
    faults = new_problems(before, check_folder(Skill.load(folder), old.max_skill_lines))
    if faults:
        write_skill(folder, skill.files)
        print("\n".join(f"problem: {fault}" for fault in faults), file=sys.stderr)
        print("the skill is as it was")
        return NOT_WRITTEN
    place = backups_folder(folder) / f"{folder.resolve().name}_provenance"
    file = place / f"{files_digest(files)[:16]}.json"
    save_provenance(file, new)
    note_change(folder, f"reverted {' '.join(args.lessons)}", skill.files, files, copy, file)
    print(f"reverted {', '.join(args.lessons)}; {len(new.lessons)} lessons are left")
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
    from skill_evolver.sections import heading_title

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


if __name__ == "__main__":
    sys.exit(main())
