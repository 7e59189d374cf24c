"""An evolved skill on disk: swapped in whole or not at all, kept with its history, and copied."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from react_agent.files import digest_tree, no_content, write_json, write_whole
from react_agent.layout import PROVENANCE
from react_agent.model import Model
from react_agent.skill_format import Problem, SkillFormat
from react_agent.skills import Skill, backup, backups_folder, list_backups
from skill_evolver.engine.finish import Finished
from skill_evolver.engine.history import Provenance, files_digest, note_change, save_provenance
from skill_evolver.engine.job import Job
from skill_evolver.patches.rules import new_problems


def write_diff(job: Job, diff: str) -> dict[str, str | int]:
    """Where the diff lies, and how much it is: it is there to be seen before the skill changes."""
    file = job.places.intermediates / "applied_diffs.patch"
    for place in filter(None, (file, job.settings.patch_file)):
        write_whole(place, diff)
    signs = [line[0] for line in diff.splitlines() if line[:4] not in ("+++ ", "--- ") and line]
    return {"file": str(file), "added": signs.count("+"), "removed": signs.count("-")}


def write(
    job: Job,
    model: Model,
    files: Mapping[str, str],
    provenance: Provenance,
    result: Finished,
) -> bool:
    """Swap the new skill in. The plan is on disk first, so a crash after the swap is recognised."""
    folder, form = job.skill.root, job.format
    result.problems += _changed_meanwhile(job, files)
    if result.problems:
        return False
    state = {
        "key": job.key(model),
        "before": dict(job.skill.files),
        "after": dict(files),
        "done": False,
    }
    save_provenance(job.places.intermediates / PROVENANCE, provenance)
    write_json(job.places.state, state)
    swapped = dict(form.read(folder).files) == dict(files)  # by a start that was killed since
    copy = None if job.settings.continue_evolving else _backup_once(folder, swapped)
    if not swapped:
        result.problems += swap(form, folder, files, job.engine.max_skill_lines)
    if result.problems:
        return False
    keep(folder, "evolved", job.skill.files, files, provenance, copy)
    return True


def swap(
    form: SkillFormat, folder: Path, files: Mapping[str, str], max_lines: int
) -> list[Problem]:
    """Write a skill and look at it once more on disk; with new faults the old one comes back."""
    before = form.read(folder)
    faults = form.check(before, max_lines, on_disk=True)
    form.write(folder, files)
    found = new_problems(faults, form.check(form.read(folder), max_lines, on_disk=True))
    if found:
        form.write(folder, before.files)
    return found


def _changed_meanwhile(job: Job, files: Mapping[str, str]) -> list[Problem]:
    """Files that somebody has changed since they were read, but to what is to be written."""
    now = job.format.read(job.skill.root).files
    if now in (job.on_disk, files):
        return []
    changed = [p for p in sorted({*now, *job.on_disk}) if now.get(p) != job.on_disk.get(p)]
    message = (
        "was changed while the skill was evolved and is left as it is; run the command again "
        "to evolve it as it is now, or put the change in with applied_diffs.patch"
    )
    return [Problem("changed", path, message) for path in changed]


def keep(
    folder: Path,
    what: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    provenance: Provenance,
    copy: Path | None,
) -> None:
    """The provenance lies with the backups too, where the skill's own commands find it."""
    name = f"{folder.resolve().name}_provenance"
    file = backups_folder(folder) / name / f"{files_digest(after)[:16]}.json"
    save_provenance(file, provenance)
    note_change(folder, what, before, after, copy, file)


def _backup_once(folder: Path, swapped: bool) -> Path:
    """A start that follows a crash finds the copy that the crashed one made."""
    for earlier in reversed(list_backups(folder)):
        if swapped or digest_tree(earlier) == digest_tree(folder):
            return earlier
    return backup(folder)


def copy_out(skill: Skill, before: Mapping[str, str], target: Path) -> None:
    """The final skill for `--output-dir`. Whatever else lies there stays."""
    if target.resolve() == skill.root.resolve():
        return
    shutil.copytree(skill.root, target, dirs_exist_ok=True, ignore=no_content(skill.root))
    for path in before.keys() - skill.files.keys():
        (target / path).unlink(missing_ok=True)
