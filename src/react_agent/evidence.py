"""The seam for evidence that nobody staged: sessions in which somebody worked with an agent. What
there is by name stands in registry.EVIDENCE.

A session has no verdict: its outcome is unknown. What it has are signals, found by rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from react_agent.model import Usage
from react_agent.seams import Status

UNKNOWN = "unknown"
"""The outcome of a session: neither a success nor a failure."""

StepKind = Literal[
    "user",
    "injected",
    "thought",
    "say",
    "tool_call",
    "skill_load",
    "tool_result",
    "abort",
    "feedback",
]
"""`user` was typed by the user, `injected` by the client in the user's name; `skill_load` is a
tool call that opened a skill; `feedback` was given outside of the conversation."""

SignalKind = Literal[
    "correction",
    "tool error",
    "retry loop",
    "abort",
    "denial",
    "praise",
    "complaint",
    "tests pass",
]


@dataclass(frozen=True)
class Step:
    """One thing that was said or done in a session."""

    kind: StepKind
    text: str = ""
    name: str = ""
    """The tool's, or the skill's."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""
    """Leads from a tool's result to its call."""
    failed: bool = False
    denied: bool = False
    exit_code: int | None = None
    again: bool = False
    """The user went back to an earlier point and asked anew."""
    line: str = ""
    """What the line is known by: forks and resumed sessions repeat lines of others."""
    copied: bool = False
    """Another session has the line too, and counts it."""


@dataclass(frozen=True)
class Reference:
    """Where one session lies."""

    evidence: str
    """Name of the reader."""
    id: str
    file: Path
    changed: datetime


@dataclass(frozen=True)
class Session:
    """Somebody's work with an agent, as the client noted it; nothing in it is scrubbed yet."""

    reference: Reference
    version: str = ""
    """Of the client."""
    model: str = ""
    cwd: str = ""
    started: str = ""
    steps: tuple[Step, ...] = ()
    sides: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """Steps of subagents, apart."""
    calls: Mapping[str, Usage] = field(default_factory=dict)
    """By the id of the model's message: clients write one down several times."""
    status: Status = "completed"
    problems: tuple[str, ...] = ()
    """What could not be read."""

    @property
    def usage(self) -> Usage:
        return sum(self.calls.values(), Usage())

    @property
    def task(self) -> str:
        """The first thing that the user asked for."""
        return next((step.text for step in self.steps if step.kind == "user"), "")

    @property
    def skills(self) -> tuple[str, ...]:
        """Those that were opened, each once."""
        opened = (step.name for step in self.steps if step.kind == "skill_load")
        return tuple(dict.fromkeys(opened))

    @property
    def lines(self) -> Iterator[str]:
        return (step.line for step in self.steps if step.line)


@dataclass(frozen=True)
class Signal:
    """A hint at how the work went, and the step that gives it."""

    kind: SignalKind
    step: int
    """Counted from 1."""
    text: str = ""


class Evidence(Protocol):
    """Reads the sessions of one client. What is torn or hostile costs itself."""

    name: str

    def discover(self) -> Sequence[Reference]:
        """The sessions there are, the oldest first."""

    def read(self, reference: Reference) -> Session:
        """Raises ContractError when there is nothing to read."""

    def signals(self, session: Session) -> Sequence[Signal]: ...
