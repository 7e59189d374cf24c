"""Which tasks of a data set are worked on."""

import logging
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypedDict, TypeVar, Unpack

from react_agent.errors import ContractError

log = logging.getLogger(__name__)


class Named(Protocol):
    @property
    def id(self) -> str: ...


TaskT = TypeVar("TaskT", bound=Named)


class Which(TypedDict, total=False):
    """Which tasks of a data set."""

    start: int
    end: int | None
    ids: Sequence[str]
    shuffle_seed: int | None
    sample: int | None


def choose(tasks: Sequence[TaskT], source: Path, **which: Unpack[Which]) -> list[TaskT]:
    """Slice the records, then keep `ids`, then shuffle, then take the first `sample`.

    Raises ContractError when the data set holds none of the ids.
    """
    known, wanted = {task.id for task in tasks}, which.get("ids") or ()
    if unknown := [one for one in wanted if one not in known]:
        problem = f"{source}: no task with id {', '.join(unknown)}"
        if len(unknown) == len(wanted):
            raise ContractError(problem)
        log.warning("%s; the others are taken", problem)
    chosen = list(tasks[which.get("start", 0) : which.get("end")])
    if wanted:
        chosen = [task for task in chosen if task.id in set(wanted)]
    if (seed := which.get("shuffle_seed")) is not None:
        random.Random(seed).shuffle(chosen)
    return chosen[: which.get("sample")]
