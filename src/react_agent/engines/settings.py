"""Where cases are worked on, as a user says it."""

from dataclasses import dataclass
from typing import Literal

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ExecutorSettings(Settings):
    """Where cases are worked on."""

    executor: Literal["local", "ray"] = setting(
        "this process, or a Ray cluster whose machines share the run's folders (extra: ray)",
        "local",
    )
    ray_address: str | None = setting(
        "the cluster", None, unit="HOST:PORT", default_text="one on this machine only"
    )
    ray_actors: int | None = setting(
        "processes", None, least=1, default_text="one for each CPU of the cluster"
    )
