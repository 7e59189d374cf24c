"""Noted sessions are taken in: each once, scrubbed, and only those that can teach this skill."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.evidence import Evidence, Reference, Session
from react_agent.registry import EVIDENCE, find
from react_agent.sessions.as_log import SessionLog, session_log
from react_agent.sessions.reading import counted_once
from react_agent.skills import Skill
from trace2skill.online.home import Home, Note, Taken, client_folder
from trace2skill.online.importing import write_sessions

CLIENT = "claude-code"
WELL = frozenset({"praise", "tests pass"})
"""Signals that something worked; all others say that something had to be put right."""


def take_in(home: Home) -> list[Taken]:
    """What became of the noted sessions. Started again after a kill it comes to the same."""
    skill = Skill.load(home.settings.skill)
    ledger, seen = home.ledger(), []
    noted = [(file, file.stat().st_mtime_ns, note) for file, note in home.notes()]
    read = _Reader(home, names_of(skill))
    for file, stamp, note in noted:
        if note is None:
            entry = Taken(session=file.stem, state="left out", why="the note cannot be read")
        elif note.session in ledger and ledger[note.session].state == "learnt":
            entry = ledger[note.session]
        else:
            entry = read.take(note)
        if ledger.get(entry.session) != entry:
            home.enter(entry)
        seen.append(entry)
        if file.stat().st_mtime_ns == stamp:  # else it has ended again since
            file.unlink()
    return seen


def waiting(home: Home) -> list[Taken]:
    """Sessions that have been taken in, and that no round has learnt from."""
    return [entry for entry in home.ledger().values() if entry.state == "taken"]


def names_of(skill: Skill) -> frozenset[str]:
    """What a client may call it."""
    return frozenset({skill.name, str(skill.metadata.get("name", skill.name))})


class _Reader:
    def __init__(self, home: Home, names: frozenset[str]) -> None:
        self.home, self.names = home, names
        self.root = home.settings.sessions_dir or client_folder() / "projects"
        self._read: dict[Path, dict[Path, Session | str]] = {}

    def take(self, note: Note) -> Taken:
        found = self._session(note)
        if isinstance(found, str):
            return Taken(session=note.session, state="left out", why=found)
        evidence: Evidence = find(EVIDENCE, "client", CLIENT)(found.reference.file)
        entry = session_log(evidence, found)
        why = self._unfit(found, entry)
        if why:
            return Taken(session=note.session, state="left out", why=why)
        write_sessions([entry], self.home.sessions)
        return Taken(
            session=note.session,
            task=entry.name.task_id,
            state="taken",
            signals=tuple(dict.fromkeys(signal.kind for signal in entry.signals)),
            about=entry.session.task[:200],
        )

    def _session(self, note: Note) -> Session | str:
        """Or why there is none. What lies beside it is read too: it may be a copy of that."""
        file = note.file.expanduser()
        try:
            file, root = file.resolve(), self.root.expanduser().resolve()
            if not file.is_relative_to(root):
                return f"{file}: lies outside of {root}, so it is not read"
            if not file.is_file():
                return f"{file}: no such file"
            if file.parent not in self._read:
                self._read[file.parent] = _sessions_in(file.parent)
        except OSError as error:
            return f"{file}: {error.strerror or error}"
        some = self._read[file.parent]
        return some.get(file, f"{file}: holds nothing that another session does not hold too")

    def _unfit(self, session: Session, entry: SessionLog) -> str:
        given = self.home.settings
        opened = {name.rpartition(":")[2] for name in session.skills}
        if session.status != "completed":
            return f"ended by the endpoint ({session.status})"
        if given.project not in session.cwd:
            return f"not in a folder with {given.project} in its path"
        if not given.any_session and not opened & self.names:
            return f"did not open the skill {', '.join(sorted(self.names))}"
        return "" if entry.signals else "shows no signal"


def _sessions_in(folder: Path) -> dict[Path, Session | str]:
    """By file: the session, each counted once, or why it cannot be read."""
    evidence: Evidence = find(EVIDENCE, "client", CLIENT)(folder)
    problems: dict[Path, Session | str] = {}

    def readable(references: Sequence[Reference]) -> Iterator[Session]:
        for reference in references:
            try:
                yield evidence.read(reference)
            except ContractError as error:
                problems[reference.file] = str(error)

    sessions = counted_once(readable(evidence.discover()))
    return {**problems, **{session.reference.file: session for session in sessions}}
