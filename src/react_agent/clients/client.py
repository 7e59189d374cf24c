"""What one client is, as a value: how it is started, and how its words and files are read.

A new one is a file of its own and a line in registry.HARNESSES. All else - sandbox, gateway,
deadline, skill, trajectory - is the same for all and stands in `agent.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from react_agent.evidence import Step
from react_agent.seams import Status
from react_agent.sessions.reading import FileEvidence

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """What a client is given for one case."""

    folder: Path
    home: Path
    """Of this case alone, within its folder."""
    program: Path
    task: str
    """The whole prompt; it is also what the client finds on its standard input."""
    model: str
    url: str
    """Of the gateway, as the client sees it; without `/v1`."""
    key: str
    max_turns: int
    confined: bool = True
    """In a sandbox, so that nothing has to be asked of anybody."""


@dataclass(frozen=True)
class Start:
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bool = True
    """Whether the prompt is given on standard input."""


@dataclass(frozen=True)
class Ended:
    """What a client's own events say of its end; never its exit code."""

    status: Status = "completed"
    error: str = ""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """For the log."""


class Client(Protocol):
    name: str
    protocol: str
    """By its name in gateway/protocols.py."""
    program: str
    """As it is called on the PATH."""
    install: str
    """What brings it."""
    distribution: str = ""
    """Of Python, where it is one; empty for a program that tells its own version."""
    skills: str = ""
    """The folder, below the case's, in which it looks for skills; empty where it knows none."""

    def start(self, given: Given) -> Start:
        """Writes what configuration the client needs below `given.home`."""
        ...

    def ended(self, events: Sequence[Event]) -> Ended:
        """From the JSON objects that it has printed, a line each. Without any: it never began."""
        ...

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        """All that was said and done, from its session or its events; none if there is nothing."""
        ...


def session_steps(sessions: Callable[[Path], FileEvidence], folder: Path) -> Sequence[Step]:
    """Of the first session in a home that only one case has had."""
    if not folder.is_dir():
        return ()
    evidence = sessions(folder)
    found = evidence.discover()
    return evidence.read(found[0]).steps if found else ()


def last(events: Sequence[Event], kind: str) -> Event:
    """The last event of a type; a client with subagents ends more than once."""
    return next((event for event in reversed(events) if event.get("type") == kind), {})
