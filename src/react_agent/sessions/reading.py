"""What all readers of session files share: finding them, reading their lines, counting once."""

import itertools
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Signal, Step
from react_agent.files import digest
from react_agent.model import Usage
from react_agent.sessions.signals import find_signals

log = logging.getLogger(__name__)

LARGEST = 256 << 20
"""Bytes of a session file; a larger one is not opened."""
SNIFFED = 50
"""Lines by which a file is known."""


class Row(dict[str, Any]):
    """An object of somebody else's: what is not of the kind that is asked for is not there."""

    def word(self, key: str) -> str:
        return word(self.get(key))

    def text(self, key: str) -> str:
        return text_of(self.get(key))

    def row(self, key: str) -> "Row":
        return mapping(self.get(key))

    def rows(self, key: str) -> "list[Row]":
        return items(self.get(key))

    def number(self, key: str) -> int:
        value: Any = self.get(key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and 0 <= value < 1 << 53 else 0

    def tokens(self, sent: Sequence[str], received: str, cached: str) -> Usage:
        """Of one call; `sent` names the members that add up to the prompt."""
        return Usage(
            calls=1,
            prompt_tokens=sum(map(self.number, sent)),
            completion_tokens=self.number(received),
            cached_tokens=self.number(cached),
        )

    @property
    def line(self) -> str:
        """What a line is known by: its uuid, or else all that it says."""
        return self.word("uuid") or digest(json.dumps(self, sort_keys=True))


def rows_of(file: Path) -> tuple[list[Row], tuple[str, ...]]:
    """The objects of a JSON-lines file, each once, as a resumed session repeats some; and what is
    wrong with the other lines.

    Raises ContractError for what is no file, cannot be opened, or is too large.
    """
    found: dict[str, Row] = {}
    problems = []
    try:
        for number, line in enumerate(_lines(file), start=1):
            if row := _object(line):
                found.setdefault(row.line, row)
            elif line.strip():
                problems.append(f"{file.name}: line {number} is torn or no object")
    except OSError as error:
        raise ContractError(f"{file}: {error.strerror or error}") from None
    return list(found.values()), tuple(problems)


def _lines(file: Path) -> Iterator[bytes]:
    if not file.is_file():  # a pipe would never end
        raise ContractError(f"{file}: no such session file")
    if file.stat().st_size > LARGEST:
        raise ContractError(f"{file}: larger than {LARGEST >> 20} MiB, so it is not read")
    with file.open("rb") as lines:
        yield from lines


def _object(text: bytes | str) -> Row:
    """Empty for what is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Row()
    return Row(value) if isinstance(value, dict) else Row()


class FileEvidence(ABC):
    """Evidence in files."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path | None = None) -> None:
        self.folders = [folder] if folder else self.usual()
        if folder and not folder.exists():
            raise ContractError(f"{folder}: no such folder of sessions")

    @classmethod
    def usual(cls) -> list[Path]:
        """Where the client leaves its sessions; what somebody exports lies anywhere."""
        return []

    @abstractmethod
    def ids(self, file: Path) -> Iterable[str]:
        """Of the sessions in a file; none where it is somebody else's.

        Raises ContractError, OSError for what cannot be read.
        """

    @abstractmethod
    def read(self, reference: Reference) -> Session: ...

    def signals(self, session: Session) -> list[Signal]:
        return find_signals(session)

    def discover(self) -> list[Reference]:
        found = [ref for file in self._files() for ref in self._references(file)]
        return sorted(found, key=lambda ref: (ref.changed, str(ref.file)))

    def _files(self) -> Iterator[Path]:
        for folder in self.folders:
            if folder.is_file():
                yield folder
            else:
                files = (file for end in self.suffixes for file in folder.rglob(f"*{end}"))
                yield from (file for file in files if file.is_file())

    def _references(self, file: Path) -> Iterator[Reference]:
        about = file.stat()
        if about.st_size > LARGEST:
            return
        try:
            ids = dict.fromkeys(self.ids(file))
        except (ContractError, OSError) as error:
            if file.suffix not in (".json", ".jsonl"):  # such a file may be anybody's
                log.warning("left out: %s", error)
            return
        changed = datetime.fromtimestamp(about.st_mtime, UTC)
        for known in ids:
            yield Reference(self.name, known, file, changed)


class LineEvidence(FileEvidence):
    """Evidence in files of JSON lines, a session each."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl",)

    @abstractmethod
    def knows(self, rows: Sequence[Row]) -> bool:
        """Whether these first lines are of a session of this client."""

    def ids(self, file: Path) -> Iterable[str]:
        rows = [row for x in itertools.islice(_lines(file), SNIFFED) if (row := _object(x))]
        return [self.named(file)] if self.knows(rows) else []

    def named(self, file: Path) -> str:
        """The session's id, which its file is called by."""
        return file.stem


class DocumentEvidence(FileEvidence):
    """Evidence in JSON documents, each with one session or several."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    @abstractmethod
    def sessions(self, file: Path) -> Mapping[str, Row]:
        """By their ids. Raises ContractError for what cannot be read."""

    def ids(self, file: Path) -> Iterable[str]:
        return self.sessions(file) if file.suffix in self.suffixes else ()

    def one(self, reference: Reference) -> Row:
        try:
            return self.sessions(reference.file)[reference.id]
        except (KeyError, OSError):
            raise ContractError(f"{reference.file}: holds no session {reference.id}") from None


def document(file: Path) -> Any:
    """Raises ContractError for what is no JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{file}: cannot be read as JSON: {error}") from None


def stamped(steps: Iterable[Step], line: str) -> Iterator[Step]:
    """With the line that they stand in."""
    return (replace(step, line=line) for step in steps)


def counted_once(sessions: Iterable[Session]) -> list[Session]:
    """The sessions in order, each line and each call of the model counted by the first that has
    it; a session that has nothing of its own is left out.
    """
    lines: set[str] = set()
    calls: set[str] = set()
    kept = []
    for session in sorted(sessions, key=lambda s: (s.started, s.reference.changed, s.reference.id)):
        own = {key: usage for key, usage in session.calls.items() if key not in calls}
        steps = tuple(replace(step, copied=step.line in lines) for step in session.steps)
        lines.update(session.lines)
        calls.update(session.calls)
        if not all(step.copied for step in steps):
            kept.append(replace(session, steps=steps, calls=own))
    return kept


def text_of(value: Any) -> str:
    """What a field says that holds a text, a list of parts, or something else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_of, value)))
    if isinstance(value, dict):
        for key in ("text", "content", "output"):
            if isinstance(value.get(key), str | list):
                return text_of(value[key])
        kind = value.get("type")
        return f"[{kind}]" if kind in ("image", "input_image", "document") else json.dumps(value)
    return "" if value is None else str(value)


def mapping(value: Any) -> Row:
    """The object, also where it is written as a text; else an empty one."""
    if isinstance(value, str):
        return _object(value)
    return Row(value) if isinstance(value, dict) else Row()


def items(value: Any) -> list[Row]:
    """The objects of a list."""
    return [Row(x) for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def tool_call(told: Row, arguments: str, name: str = "name", call: str = "id") -> Step:
    """From an object with members of these names."""
    given = told.row(arguments)
    return Step("tool_call", name=told.word(name), arguments=given, call=told.word(call))


def first(rows: Iterable[Row], key: str) -> str:
    """The first word that any line has for it."""
    return next((value for row in rows if (value := row.word(key))), "")


def opened(steps: Sequence[Step], tool: str) -> tuple[Step, ...]:
    """Calls of the client's skill tool are openings of a skill."""
    found = []
    for step in steps:
        if step.kind == "tool_call" and step.name == tool:
            named = (word(step.arguments.get(key)) for key in ("skill", "command", "name"))
            skill = next(filter(None, named), step.name)
            step = replace(step, kind="skill_load", name=skill)
        found.append(step)
    return tuple(found)
