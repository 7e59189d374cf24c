"""What all readers of session files share: finding them, reading their lines, counting once."""

import itertools
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

Row = Mapping[str, Any]


@dataclass
class Rows:
    """The objects of a JSON-lines file, and what is wrong with its other lines."""

    found: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def rows_of(file: Path) -> Rows:
    """Raises ContractError for what is no file, cannot be opened, or is too large."""
    rows = Rows()
    try:
        for number, line in enumerate(_lines(file), start=1):
            if row := _object(line):
                rows.found.append(row)
            elif line.strip():
                rows.problems.append(f"{file.name}: line {number} is torn or no object")
    except OSError as error:
        raise ContractError(f"{file}: {error.strerror or error}") from None
    return rows


def _lines(file: Path) -> Iterator[bytes]:
    if not file.is_file():  # a pipe would never end
        raise ContractError(f"{file}: no such session file")
    if file.stat().st_size > LARGEST:
        raise ContractError(f"{file}: larger than {LARGEST >> 20} MiB, so it is not read")
    with file.open("rb") as lines:
        yield from lines


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class FileEvidence(ABC):
    """Evidence in files of JSON lines, a session each."""

    name: ClassVar[str]

    def __init__(self, folder: Path | None = None) -> None:
        self.folders = [folder] if folder else self.usual()
        if folder and not folder.exists():
            raise ContractError(f"{folder}: no such folder of sessions")

    @classmethod
    @abstractmethod
    def usual(cls) -> list[Path]:
        """Where the client leaves its sessions."""

    @abstractmethod
    def knows(self, rows: Sequence[Row]) -> bool:
        """Whether these first lines are of a session of this client."""

    @abstractmethod
    def read(self, reference: Reference) -> Session: ...

    def signals(self, session: Session) -> list[Signal]:
        return find_signals(session)

    def discover(self, since: datetime | None = None) -> list[Reference]:
        found = [ref for file in self.files() for ref in self.references(file, since)]
        return sorted(found, key=lambda ref: (ref.changed, str(ref.file)))

    def files(self) -> Iterator[Path]:
        for folder in self.folders:
            files = [folder] if folder.is_file() else folder.rglob("*.jsonl")
            yield from sorted(file for file in files if file.is_file())

    def references(self, file: Path, since: datetime | None) -> Iterator[Reference]:
        """One, or none where the file is somebody else's."""
        about = file.stat()
        changed = datetime.fromtimestamp(about.st_mtime, UTC)
        if (since and changed < since) or about.st_size > LARGEST:
            return
        try:
            first = [row for x in itertools.islice(_lines(file), SNIFFED) if (row := _object(x))]
        except OSError:
            return
        if self.knows(first):
            yield Reference(self.name, self.named(file), file, changed, about.st_size)

    def named(self, file: Path) -> str:
        """The session's id, which its file is called by."""
        return file.stem


class ExportEvidence(FileEvidence):
    """Evidence in files that somebody has exported: they lie where their maker has put them."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    """Of its files, besides those of JSON lines."""

    @classmethod
    def usual(cls) -> list[Path]:
        return []

    def files(self) -> Iterator[Path]:
        yield from super().files()
        for folder in self.folders:
            if folder.is_dir():
                found = (file for end in self.suffixes for file in folder.rglob(f"*{end}"))
                yield from sorted(file for file in found if file.is_file())


class DocumentEvidence(ExportEvidence):
    """Evidence in JSON documents, each with one session or several."""

    def knows(self, rows: Sequence[Row]) -> bool:
        return False

    @abstractmethod
    def ids(self, value: Row, file: Path) -> Sequence[str]:
        """Of the sessions in a document; none where it is somebody else's."""

    def load(self, file: Path) -> Row:
        """Raises ContractError for what cannot be read."""
        return mapping(document(file))

    def references(self, file: Path, since: datetime | None) -> Iterator[Reference]:
        about = file.stat()
        changed = datetime.fromtimestamp(about.st_mtime, UTC)
        unlikely = file.suffix not in self.suffixes or about.st_size > LARGEST
        if unlikely or (since and changed < since):
            return
        try:
            ids = self.ids(self.load(file), file)
        except ContractError as error:
            if file.suffix != ".json":  # such a file may be anybody's
                log.warning("left out: %s", error)
            return
        for known in dict.fromkeys(ids):
            yield Reference(self.name, known, file, changed, about.st_size)


def document(file: Path) -> Any:
    """Raises ContractError for what is no JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{file}: cannot be read as JSON: {error}") from None


def line_id(row: Row) -> str:
    """Its uuid; a line without one is known by what it says."""
    known = row.get("uuid")
    return known if isinstance(known, str) and known else digest(json.dumps(row, sort_keys=True))


def each_once(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without the lines that a resumed session has repeated."""
    seen: set[str] = set()
    for row in rows:
        known = line_id(row)
        if known not in seen:
            seen.add(known)
            yield row


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


def mapping(value: Any) -> dict[str, Any]:
    """The object, also where it is written as a text; else none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < 1 << 53 else 0


def tokens(counts: Mapping[str, Any], sent: Sequence[str], received: str, cached: str) -> Usage:
    """Of one call; `sent` names the fields that add up to the prompt."""
    return Usage(
        calls=1,
        prompt_tokens=sum(number(counts.get(name)) for name in sent),
        completion_tokens=number(counts.get(received)),
        cached_tokens=number(counts.get(cached)),
    )


def first(rows: Iterable[Row], key: str) -> str:
    """The first word that any line has for it."""
    return next((value for row in rows if (value := word(row.get(key)))), "")


def opened(steps: Sequence[Step], tools: frozenset[str]) -> tuple[Step, ...]:
    """Calls of the client's skill tool are openings of a skill."""
    found = []
    for step in steps:
        if step.kind == "tool_call" and step.name in tools:
            named = (word(step.arguments.get(key)) for key in ("skill", "command", "name"))
            skill = next(filter(None, named), step.name)
            step = replace(step, kind="skill_load", name=skill)
        found.append(step)
    return tuple(found)
