"""What the user does with a staged skill: adopt it, turn it down, or bring the old one back."""

from datetime import UTC, datetime
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import append_line
from react_agent.lock import only_start
from react_agent.registry import SKILL_FORMATS, find
from react_agent.skills import Skill, backup, list_backups, only_editor
from skill_evolver.commands.rollback import RolledBack, roll_back
from skill_evolver.engine.writing import keep, swap
from skill_evolver.patches.rules import MAX_SKILL_LINES
from trace2skill.online.home import Home
from trace2skill.online.rounds import FORMAT, Place, Rejected, Round, latest, rejected, save


def staged(home: Home) -> Round:
    """Raises ContractError when there is none."""
    one = latest(home, "staged")
    if one is None:
        raise ContractError(f"{home.folder}: no skill is staged; see `trace2skill online status`")
    return one


def adopt(home: Home, force: bool = False) -> Round:
    """Swap the staged skill in, whole. A start that was killed after the swap is finished.

    Raises ContractError for a skill that has changed since, and for one that breaks a rule.
    """
    with only_start(home.rounds):
        one = staged(home)
        place, folder = Place(home, one.number), home.settings.skill
        old, new = Skill.load(place.base), Skill.load(place.staged)
        with only_editor(folder):
            live = Skill.load(folder)
            swapped = live.files == new.files
            if live.digest != one.base and not swapped and not force:
                raise ContractError(
                    f"{folder}: has changed since the new skill was staged; put the change in with "
                    "`trace2skill online show --diff | patch -p1`, or take the staged one as it is "
                    "with --force (what is there now is kept as a backup)"
                )
            copy = _backup(folder, old if swapped else live)
            if not swapped:
                form = find(SKILL_FORMATS, "the skill format", FORMAT)()
                faults = swap(form, folder, new.files, MAX_SKILL_LINES)
                if faults:
                    raise ContractError(f"{folder}: is as it was: {'; '.join(map(str, faults))}")
            before = Skill.load(copy).files if copy else old.files
            keep(folder, "adopted", before, new.files, place.provenance(), copy)
        return _decided(home, one, "adopted", backup=copy.name if copy else "")


def _backup(folder: Path, wanted: Skill) -> Path | None:
    """Of what is there now; after a kill the one that was made before it."""
    for earlier in reversed(list_backups(folder)):
        if Skill.load(earlier).files == wanted.files:
            return earlier
    return backup(folder) if Skill.load(folder).files == wanted.files else None


def reject(home: Home, reason: str) -> Round:
    """Turn the staged skill down; its lessons and the reason are remembered."""
    if not reason.strip():
        raise ContractError("reason: say in a few words why, so that the same does not come again")
    with only_start(home.rounds):
        one = staged(home)
        known = {(entry.round, entry.title) for entry in rejected(home)}
        for title in _titles(home, one):
            if (one.number, title) not in known:
                entry = Rejected(title=title, why=reason.strip(), round=one.number)
                append_line(home.rejected, entry.model_dump())
        return _decided(home, one, "rejected", reason=reason.strip())


def _titles(home: Home, one: Round) -> list[str]:
    """Of the lessons as the skill has them, and of the items that they were drawn from."""
    provenance = Place(home, one.number).provenance()
    runs = {run for lesson in one.lessons for run in lesson.sessions}
    drawn = [title for key in sorted(runs) for title in provenance.runs[key].lessons]
    return list(dict.fromkeys([*(lesson.title for lesson in one.lessons), *drawn]))


def bring_back(home: Home, to: str | None = None) -> RolledBack:
    """The skill as it was before the last adoption, or the backup that is named."""
    with only_start(home.rounds):
        adopted = latest(home, "adopted")
        if to is None and (adopted is None or not adopted.backup):
            raise ContractError(f"{home.folder}: nothing was adopted, so nothing is brought back")
        done = roll_back(home.settings.skill, to or (adopted.backup if adopted else None))
        if adopted:
            _decided(home, adopted, "rolled back")
        return done


def _decided(home: Home, one: Round, state: str, **more: str) -> Round:
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return save(home, one.model_copy(update={"state": state, "decided": time, **more}))
