"""`trace2skill rollback SKILL`: bring back an earlier version of a skill, whole."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.commands.settings import Rollback


def main(argv: list[str] | None = None) -> int:
    return run_stage(
        _work,
        Rollback,
        argv,
        "Bring back an earlier version of a skill, whole.",
        "Without --to: the newest backup that differs from the skill. What goes is kept as well.",
    )


def _work(settings: Rollback) -> int:
    from react_agent.skills import Skill, find_skill, list_backups

    if settings.only_list:
        current = find_skill(settings.skill)
        for path in list_backups(current.root):
            same = " (same as now)" if Skill.load(path).digest == current.digest else ""
            say(f"{path.name}{same}")
        return OK
    done = roll_back(settings.skill, settings.to)
    say(f"{done.skill} is {done.earlier.name} again; the version before is {done.kept.name}")
    return OK


@dataclass(frozen=True)
class RolledBack:
    skill: Path
    earlier: Path
    """The backup that the skill is again."""
    kept: Path
    """The backup of what it was."""


def roll_back(folder: Path, to: str | None = None) -> RolledBack:
    """Make the skill a backup of it again. Raises ContractError when there is none."""
    from react_agent.skills import Skill, backup, find_skill, list_backups, only_editor, restore
    from skill_evolver.engine.history import files_digest, history, note_change

    current = find_skill(folder)
    target = _choose(list_backups(current.root), to, current.digest, current.root)
    earlier = Skill.load(target)
    with only_editor(current.root):
        copy = backup(current.root)
        restore(current.root, target)
    wanted = files_digest(earlier.files)
    known = [e.provenance for e in history(current.root) if e.after == wanted and e.provenance]
    provenance = Path(known[-1]) if known else None
    note_change(current.root, "rolled back", current.files, earlier.files, copy, provenance)
    return RolledBack(current.root, target, copy)


def _choose(backups: list[Path], name: str | None, now: str, folder: Path) -> Path:
    from react_agent.skills import Skill

    if name:
        for path in backups:
            if path.name == name:
                return path
        found = ", ".join(p.name for p in backups) or "none"
        raise ContractError(f"{folder}: no backup {name}; there is {found}")
    for path in reversed(backups):
        if Skill.load(path).digest != now:
            return path
    raise ContractError(f"{folder}: no backup that differs from the skill as it is")
