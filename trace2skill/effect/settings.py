"""What a measurement of lessons is told. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.models.settings import ModelSettings
from react_agent.runs.settings import DOMAIN, DOMAIN_HELP, INDEX_HELP, AgentSettings
from react_agent.settings import Settings, part, setting


@dataclass(frozen=True, kw_only=True)
class Effect(Settings):
    """Each lesson of an evolved skill: the skill with it against the skill without it."""

    evolved: Path = setting(
        "the skill folder, a root that holds it, or a reproduction", unit="SKILL", positional=True
    )
    data_path: Path = setting(INDEX_HELP)
    domain: str = setting(DOMAIN_HELP, DOMAIN)
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
    seeds: tuple[int, ...] = setting("each task once with each of these", (41,), unit="SEEDS")
    dry_run: bool = setting("say what it would take and stop", False)
    agent: AgentSettings = part(AgentSettings(workers=4), "agent")
    model: ModelSettings = part(ModelSettings(model="gpt-4o", default_temperature=0.0), "model")
