"""How a harness is opened: from what a user names, to a kind of agent, to one that is ready.

A line of registry.HARNESSES names a function of `Choice` that gives an AgentKind, or raises
ContractError for a choice that does not fit. It is asked before any model is connected to; `open`
is called once for each seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from react_agent.gateway.server import Gateway
from react_agent.model import Model
from react_agent.sandbox.door import Sandbox
from react_agent.seams import Harness, Workspace
from react_agent.skills import Skill
from react_agent.templates import Prompts

SECONDS = 3600.0
"""For one case of an agent that is one command, where nothing else is said."""
SkillOffer = Literal["native", "preloaded"]
"""In a client's own folder of skills, to be opened by the agent; or whole in its prompt."""


@dataclass(frozen=True)
class Choice:
    """What a user names of an agent besides its harness."""

    agent: str
    """`--agent`: which of the harness's agents."""
    command: str = ""
    """`--command`: the program of a harness that runs one."""
    skill_offer: SkillOffer | None = None
    """`--skill_offer`; None for what the harness does by itself."""


@dataclass(frozen=True)
class Equipment:
    """All that an agent is given."""

    model: Model
    """Of this seed."""
    sandbox: Sandbox
    prompts: Prompts
    """Of the domain, with a user's templates in place of some."""
    skill: Skill | None
    """None for an agent without one."""
    max_turns: int
    seconds: float | None = None
    """No turn starts later, however the harness counts turns."""
    hide: tuple[Path, ...] = ()
    """What must not be seen: data set, outputs, logs, other cases."""
    gateway: Gateway | None = None
    """For a kind with a protocol."""
    records: Path | None = None
    """Where what was asked through the gateway is written down."""

    @property
    def skill_folder(self) -> Path | None:
        return self.skill.root.resolve() if self.skill else None

    def for_one_command(self, **limits: int) -> Sandbox:
        """The sandbox for an agent that is one long command."""
        seconds = self.seconds or SECONDS
        limited = replace(
            self.sandbox.limits, seconds=seconds, cpu_seconds=max(1, round(seconds)), **limits
        )
        return replace(self.sandbox, limits=limited)

    def task(self, workspace: Workspace) -> str:
        """The task prompt, and before it what the agent is reminded of."""
        task = self.prompts.render("task.j2", **workspace.fields)
        return f"{workspace.memory}\n\n{task}" if workspace.memory else task


class AgentKind(Protocol):
    """An agent as it was chosen, before anything is started."""

    @property
    def name(self) -> str:
        """Names its logs: letters, digits, `_` and `-`."""
        ...

    @property
    def with_skill(self) -> bool: ...

    @property
    def with_model(self) -> bool:
        """False where it never asks the model that it is given, so that none need be named."""
        ...

    @property
    def protocol(self) -> str:
        """What it speaks with the model through the gateway (gateway/protocols.py); empty where it
        asks the model that it is given, or none."""
        ...

    @property
    def preloads(self) -> bool:
        """Its prompt holds the skill's SKILL.md, so that there is nothing of it to open."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What else decides its results; stands in run.json."""
        ...

    def open(self, equipment: Equipment) -> Harness:
        """Raises ContractError where it cannot run here."""
        ...
