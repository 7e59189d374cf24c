"""Whether agents read their skill, and whether those that did solved more."""

from collections import Counter
from statistics import fmean

from pydantic import BaseModel

from react_agent.runs.activation import Opening
from reporting.comparing.entrants import Entrant


class Reading(BaseModel, frozen=True):
    """Of the files that an agent has to open itself; what is preloaded is not among them."""

    trajectories: int
    """With a log, over all seeds."""
    read: int
    """Those that opened a file."""
    accuracy_read: float | None
    accuracy_unread: float | None
    """Tasks are not drawn by lot into the two: who reads more may have the harder tasks."""
    opened: dict[str, int]
    """By file, the trajectories that opened it; the most first."""
    unopened: tuple[str, ...]


def reading(entrant: Entrant) -> Reading | None:
    """None for a side whose skill had nothing to open."""
    seen: list[tuple[tuple[Opening, ...], bool]] = []
    files: dict[str, None] = {}
    for run in entrant.runs:
        files |= dict.fromkeys(run.view.skill_files)
        known = run.view.activation
        seen += [(known[task], run.passed(task)) for task in entrant.tasks if task in known]
    if not files or not seen:
        return None
    counts = Counter(file for found, _ in seen for file in {one.file for one in found})
    did = [passed for found, passed in seen if found]
    did_not = [passed for found, passed in seen if not found]
    return Reading(
        trajectories=len(seen),
        read=len(did),
        accuracy_read=fmean(did) if did else None,
        accuracy_unread=fmean(did_not) if did_not else None,
        opened=dict(counts.most_common()),
        unopened=tuple(file for file in files if file not in counts),
    )
