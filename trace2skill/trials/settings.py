"""What every trial of an evolved skill is told. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.models.settings import ModelSettings
from react_agent.runs.settings import DOMAIN, DOMAIN_HELP, INDEX_HELP, AgentSettings
from react_agent.settings import Settings, part, setting


@dataclass(frozen=True, kw_only=True)
class Trying(Settings):
    """An evolved skill, and the agent that tries states of it."""

    evolved: Path = setting(
        "the skill folder, a root that holds it, or a reproduction", unit="SKILL", positional=True
    )
    data_path: Path = setting(INDEX_HELP)
    domain: str = setting(DOMAIN_HELP, DOMAIN)
    seeds: tuple[int, ...] = setting("each task once with each of these", (41,), unit="SEEDS")
    dry_run: bool = setting("say what it would take and stop", False)
    agent: AgentSettings = part(AgentSettings(workers=4), "agent")
    model: ModelSettings = part(ModelSettings(model="gpt-4o", default_temperature=0.0), "model")
