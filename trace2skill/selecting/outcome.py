"""What a selection found, and how much of it may be luck."""

from collections.abc import Sequence

from pydantic import BaseModel

DRAWS = 2_000
FEW = 100
"""Tasks below which a choice among several is mostly a choice of noise."""


class Offered(BaseModel, frozen=True):
    """A lesson that could be chosen."""

    id: str
    title: str
    support: int


class Candidate(BaseModel, frozen=True):
    """A subset of the lessons that was tried, or could not be."""

    name: str
    lessons: tuple[str, ...]
    accuracy: float | None = None
    """Of 1; None for one that breaks a rule of skills, which is not run."""
    passed: dict[str, float] = {}
    """By task: the share of seeds that solve it."""
    folder: str = ""
    unfit: str = ""


class Difference(BaseModel, frozen=True):
    """The chosen skill against another one, on the same tasks."""

    before: float
    after: float
    low: float
    high: float
    p: float
    """With Holm's correction over both comparisons, and none for the choice among many."""
    verdict: str


class PatchesSelected(BaseModel, frozen=True):
    """selection.json."""

    skill: str
    """The chosen one."""
    evolved: str
    method: str
    ended: str
    tasks: tuple[str, ...]
    taught: int
    """Of the tasks, those that lessons came from."""
    seeds: tuple[int, ...]
    offered: tuple[Offered, ...]
    start: str
    merged: str
    chosen: str
    """Names of candidates."""
    lessons: tuple[str, ...]
    """Of the chosen one."""
    against_merged: Difference | None = None
    """None where the merged skill itself is the best."""
    against_start: Difference | None = None
    expected: float | None = None
    """The gain over the merged skill that is left on tasks which did not take part in the choice:
    the mean over draws of tasks, by which the best is chosen and then held against the others."""
    candidates: tuple[Candidate, ...]
    recorded: bool
    warning: str
    next: str
    """How to see whether it holds."""


def expected_gain(candidates: Sequence[Candidate]) -> float | None:
    """Choose by tasks drawn with replacement, measure on the tasks that were not drawn."""
    import numpy as np

    run = [one for one in candidates if one.accuracy is not None]
    tasks = list(run[0].passed) if run else []
    if len(run) < 2 or len(tasks) < 2:
        return None
    table = np.asarray([[one.passed[task] for task in tasks] for one in run])
    reference = next(n for n, one in enumerate(run) if one.name == "merged")
    table = table[[reference, *(n for n in range(len(run)) if n != reference)]]
    chance, gains = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = chance.integers(len(tasks), size=len(tasks))
        rest = np.setdiff1d(np.arange(len(tasks)), drawn)
        if rest.size:
            best = int(table[:, drawn].mean(axis=1).argmax())  # of equals the merged skill
            gains.append(float(table[best, rest].mean() - table[0, rest].mean()))
    return float(np.mean(gains))


def warning(tried: int, tasks: int) -> str:
    few = f"; {tasks} tasks are few for that" if tasks < FEW else ""
    return (
        f"the best of {tried} skills, chosen on {tasks} tasks: the luckiest of {tried} scores as "
        f"well as the best{few}, and interval and p know nothing of the choice. Only tasks that "
        "took no part in it say whether it is better"
    )
