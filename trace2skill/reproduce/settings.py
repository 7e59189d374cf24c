"""How a reproduction is started; what is reproduced stands in its recipe."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.settings import Settings, setting

_BUDGET = "budget of all stages and starts, in place of the file's"


@dataclass(frozen=True, kw_only=True)
class Start(Settings):
    """One start of a pipeline."""

    dry_run: bool = setting("show the plan; call nobody", False, flag="dry-run")
    yes: bool = setting("start without asking; without a terminal nobody is asked", False)
    max_cost: float | None = setting("send no more", None, unit="DOLLARS", least=0, group=_BUDGET)
    max_tokens: int | None = setting("send no more", None, unit="TOKENS", least=0, group=_BUDGET)
    max_calls: int | None = setting("send no more", None, unit="CALLS", least=0, group=_BUDGET)


@dataclass(frozen=True, kw_only=True)
class Reproduction(Start):
    """One start of a reproduction."""

    config: Path = setting("such as reproduce.example.toml", unit="CONFIG", positional=True)
    experiment: str | None = setting(
        "one of the paper's comparisons in place of a single recipe: merging, analysts, signals, "
        "starts; each arm lies in a folder of its own, what they have in common is run once",
        None,
        unit="NAME",
    )


@dataclass(frozen=True, kw_only=True)
class Batch(Start):
    """One start on a user's own tasks."""

    config: Path = setting("tasks, skill, model; see docs/your_tasks.md", unit="FILE")
