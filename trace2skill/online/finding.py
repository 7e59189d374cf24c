"""The sessions of all clients, each counted once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from react_agent.errors import ContractError
from react_agent.evidence import Evidence, Session
from react_agent.registry import EVIDENCE, find
from react_agent.sessions.as_log import SessionLog, session_log
from react_agent.sessions.reading import counted_once
from trace2skill.online.settings import SessionChoice


@dataclass(frozen=True)
class Found:
    """The chosen sessions, the oldest first, and what could not be read."""

    sessions: tuple[tuple[Evidence, Session], ...]
    problems: tuple[str, ...]

    def logs(self) -> Iterator[SessionLog]:
        return (session_log(evidence, session) for evidence, session in self.sessions)

    def beginning(self, start: str) -> list[tuple[Evidence, Session]]:
        """Those whose id begins so; one whose whole id it is stands alone."""
        some = [(e, s) for e, s in self.sessions if s.reference.id.startswith(start)]
        return [(e, s) for e, s in some if s.reference.id == start] or some


@dataclass
class _Reader:
    problems: list[str] = field(default_factory=list)

    def read(self, evidence: Evidence) -> Iterator[Session]:
        """Also those that are not wanted: a later one may repeat lines of an earlier."""
        for reference in evidence.discover():
            try:
                session = evidence.read(reference)
            except ContractError as error:
                self.problems.append(str(error))
            else:
                self.problems += [f"{reference.file}: {why}" for why in session.problems]
                yield session


def find_sessions(choice: SessionChoice) -> Found:
    """Raises ContractError for an unknown client, a missing folder, and a day that is none."""
    since, reader, chosen = _day(choice.since), _Reader(), []
    for name in choice.client or tuple(EVIDENCE):
        evidence: Evidence = find(EVIDENCE, "client", name)(choice.source)
        for session in counted_once(reader.read(evidence)):
            late = since is None or session.reference.changed >= since
            if late and choice.project in session.cwd:
                chosen.append((evidence, session))
    chosen.sort(key=lambda pair: pair[1].reference.changed)
    return Found(tuple(chosen), tuple(reader.problems))


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise ContractError(f"since: {text!r} is no day; write it as 2026-01-31") from None
    return day if day.tzinfo else day.astimezone(UTC)
