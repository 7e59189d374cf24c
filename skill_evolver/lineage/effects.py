"""What was measured of the lessons of a skill: each with it against without it.

The file lies among the skill's backups and names the state of the skill that it is of, so that
another state is not credited with it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from react_agent.configfile import read_record
from react_agent.errors import ContractError
from react_agent.files import write_json
from react_agent.skills import backups_folder

Word = Literal["helps", "hurts", "undecided", "not tried"]


class LessonEffect(BaseModel, frozen=True, allow_inf_nan=False):
    """The skill with all lessons against the skill without this one; shares are of 1."""

    lesson: str
    title: str
    verdict: Word
    tasks: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    without: float | None = None
    whole: float | None = None
    low: float | None = None
    high: float | None = None
    """Of the difference, at 95 %."""
    p: float | None = None
    """With Holm's correction over the lessons that were tried."""
    note: str = ""

    def __str__(self) -> str:
        if self.without is None or self.whole is None:
            return self.verdict
        return f"{self.verdict} ({self.without:.0%} -> {self.whole:.0%} of {len(self.tasks)} tasks)"


class Effects(BaseModel, frozen=True):
    """Of one state of a skill."""

    skill: str
    """Digest of its files."""
    recorded: bool
    """Recorded replies were among the runs: no measurement."""
    lessons: tuple[LessonEffect, ...]


def effects_file(folder: Path) -> Path:
    return backups_folder(folder) / f"{folder.resolve().name}_effect.json"


def save_effects(folder: Path, effects: Effects) -> None:
    write_json(effects_file(folder), effects.model_dump(mode="json"))


def known_effects(folder: Path, digest: str) -> Mapping[str, LessonEffect]:
    """By lesson; none where nothing was measured of this state of the skill."""
    try:
        effects = read_record(Effects, effects_file(folder))
    except ContractError:
        return {}
    return {one.lesson: one for one in effects.lessons} if effects.skill == digest else {}
