"""What a comparison says: the standing of each side, and each side against the first."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from reporting.comparing.reading import Reading

RECORDED = "recorded replies, not a measurement"
RULE = (
    "better or worse only if the two-sided exact test gives p < 0.05 after Holm's correction over "
    "the compared pairs, and the 95 % bootstrap interval of the difference in accuracy excludes 0; "
    "else undecided. The test is McNemar's with one run a side, with several seeds the sign-flip "
    "test over tasks. Soft scores, types and error classes are shown uncorrected and decide nothing"
)
ONE_RUN = "one run a side: how much a mere repetition moves is not in p nor in the interval"

SHIFTED = (
    "the seeds of {} differ more than chance within the tasks explains (Cochran's Q, p {:.2g}): "
    "whole runs shift, which neither p nor the interval allows for"
)

Word = Literal["better", "worse", "undecided"]
Infrastructure = Literal["leave-out", "wrong"]


@dataclass(frozen=True)
class Interval:
    """Both ends in the unit of what was measured, at 95 % unless said otherwise."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


class Standing(BaseModel, frozen=True):
    """One side by itself. Shares are of 1; tasks that infrastructure or a refusal ended count as
    the verdict files have them."""

    letter: str
    path: str
    agent: str
    model: str
    skill: str
    memory: str = ""
    """Notes of earlier tasks that stood before each task, and how they were found."""
    seeds: tuple[str, ...]
    runs: int
    rules: str
    tasks: int
    accuracy: float
    interval: Interval
    """Wilson's; over several seeds with the effective sample size."""
    soft: float | None
    accuracy_per_seed: tuple[float, ...]
    spread: float | None
    """Standard deviation (n - 1) of the accuracy over seeds."""
    seeds_differ_p: float | None
    """Cochran's Q: p that the seeds differ by chance within the tasks alone; None for one."""
    infrastructure: tuple[str, ...]
    refused: tuple[str, ...]
    """Tasks that a content filter of the endpoint ended."""
    conduct: dict[str, tuple[str, ...]] = {}
    """What its agents did that looks like a search for answers, by task; it counts as it stands."""
    reading: Reading | None = None
    """None where its agents had no file of a skill to open."""
    unscored: int
    """Tasks with nothing to score them by: wrong in the accuracy, not in the soft score."""
    recorded: bool
    files: tuple[str, ...]
    """Where all numbers of this side come from."""


class Change(BaseModel, frozen=True):
    """A task that the two sides do not solve alike: the shares of seeds that do."""

    id: str
    instruction_type: str
    before: float
    after: float


class ClassRow(BaseModel, frozen=True):
    """Failures of one class, counted over the runs of a side."""

    error_class: str
    before: int
    after: int
    solved: float
    """Of the first side's failures of this class, how many the other side solves (a share of its
    seeds counts as such)."""


class Measured(BaseModel, frozen=True):
    """What differs over some tasks. Of the soft score by the paired sign-flip test."""

    tasks: int
    before: float
    after: float
    difference: float
    interval: Interval
    """Percentile bootstrap over tasks."""
    p: float


class TypeRow(Measured, frozen=True):
    """The tasks of one instruction type."""

    instruction_type: str


class Pair(Measured, frozen=True):
    """One side against the first. Differences are `letter` minus `baseline`, in shares of 1."""

    baseline: str
    letter: str
    verdict: Word
    left_out: tuple[str, ...]
    """Infrastructure-ended on either side, and so in no paired number."""
    score_interval: Interval | None
    """Newcombe's, with one run a side; to be trusted where few tasks changed."""
    test: str
    p_adjusted: float
    discordant: float
    """Share of tasks that the two sides do not solve alike."""
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    detectable: float | None
    """The smallest true difference found in 80 % of such comparisons; None: none can be."""
    detectable_method: str
    soft: Measured | None
    types: tuple[TypeRow, ...]
    classes: tuple[ClassRow, ...]
    settings_apart: tuple[str, ...]
    recorded: bool
    notes: tuple[str, ...]
    files: tuple[str, ...]


class Compared(BaseModel, frozen=True):
    """All of it, as --json writes it."""

    mark: str
    """Not empty where recorded or scripted replies are among the runs."""
    rule: str
    infrastructure: Infrastructure
    notes: tuple[str, ...]
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
