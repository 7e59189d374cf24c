"""What a measurement of lessons is told. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.settings import setting
from trace2skill.trials.settings import Trying


@dataclass(frozen=True, kw_only=True)
class Effect(Trying):
    """Each lesson of an evolved skill: the skill with it against the skill without it."""

    output_dir: Path = setting("runs and effect.json", Path("outputs/effect"))
    lessons: tuple[str, ...] = setting(
        "only these, as `trace2skill lessons` lists them", (), unit="IDS", default_text="all"
    )
    instance_ids: tuple[str, ...] = setting(
        "tasks for every lesson, in place of those that it came from", (), unit="IDS"
    )
    max_tasks: int | None = setting(
        "at most so many tasks of a lesson", None, least=1, default_text="all of its tasks"
    )
