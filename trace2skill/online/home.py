"""Where a skill that learns keeps its things: settings, key, noted sessions, rounds."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from react_agent.configfile import first_problem, read_record
from react_agent.errors import ContractError
from react_agent.files import append_line, read_lines, write_whole
from react_agent.models.spending.settings import BudgetSettings
from react_agent.settings import KEY
from trace2skill.online.hook import SPOOL
from trace2skill.online.settings import Learner

KEYS = ".env"
HEAD = "# A skill that learns from its user's sessions; `trace2skill online status` says how far.\n"


class Note(BaseModel, frozen=True):
    """What the hook knows of a session."""

    session: str
    file: Path
    cwd: str = ""


class Taken(BaseModel, frozen=True):
    """A line of the ledger: what became of a session. The latest line of a session counts."""

    session: str
    task: str = ""
    """Its name among the logs."""
    state: str
    """taken, left out, learnt."""
    why: str = ""
    round: int = 0
    time: str = ""
    signals: tuple[str, ...] = ()
    about: str = ""
    """What was asked first, scrubbed."""


@dataclass(frozen=True)
class Home:
    """Of one skill."""

    config: Path
    settings: Learner

    @property
    def folder(self) -> Path:
        return self.config.with_suffix("")

    @property
    def spool(self) -> Path:
        return self.folder / SPOOL

    @property
    def sessions(self) -> Path:
        """A run of imported sessions."""
        return self.folder / "sessions"

    @property
    def rounds(self) -> Path:
        return self.folder / "rounds"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected.jsonl"

    @property
    def budget(self) -> BudgetSettings:
        """Of today, over all starts."""
        given = self.settings
        return BudgetSettings(
            max_cost=given.day_cost,
            max_tokens=given.day_tokens,
            max_calls=given.day_calls,
            budget=self.folder / "budget" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl",
            prices=given.prices,
        )

    def notes(self) -> Iterator[tuple[Path, Note | None]]:
        """Files of the spool; None for one that is no note."""
        for file in sorted(self.spool.glob("*.json")):
            try:
                yield file, read_record(Note, file)
            except ContractError:
                yield file, None

    def ledger(self) -> dict[str, Taken]:
        known: dict[str, Taken] = {}
        for line in read_lines(self.folder / "sessions.jsonl"):
            try:
                entry = Taken.model_validate(line)
            except ValidationError:
                continue
            known[entry.session] = entry
        return known

    def enter(self, entry: Taken) -> None:
        timed = entry.model_copy(update={"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
        append_line(self.folder / "sessions.jsonl", timed.model_dump(exclude_defaults=True))


def usual_root() -> Path:
    return Path.home() / ".trace2skill"


def client_folder() -> Path:
    """Of Claude Code."""
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


def find_home(config: Path | None) -> Home:
    """Raises ContractError: none, several, or one that does not fit."""
    if config is None:
        found = sorted(usual_root().glob("*.yaml"))
        if len(found) != 1:
            names = ", ".join(map(str, found)) or f"none in {usual_root()}"
            hint = "name one with --config" if found else "`trace2skill online init` makes one"
            raise ContractError(f"settings of a skill that learns: {names}; {hint}")
        config = found[0]
    return Home(config.absolute(), read_learner(config))


def read_learner(file: Path) -> Learner:
    """Raises ContractError that names file and field."""
    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(f"{file}: no such file; `trace2skill online init` makes one") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise ContractError(f"{file}: cannot be read as YAML: {why}") from None
    known = [field.name for field in fields(Learner) if KEY in field.metadata]
    if not isinstance(value, dict) or (odd := sorted(map(str, set(value) - set(known)))):
        what = f"unknown key {odd[0]!r}" if isinstance(value, dict) else "has to be a mapping"
        raise ContractError(f"{file}: {what}; known keys: {', '.join(known)}")
    try:
        return TypeAdapter(Learner).validate_python(value)
    except ValidationError as error:
        raise ContractError(f"{file}: {first_problem(error)}") from None
    except ContractError as error:
        raise ContractError(f"{file}: {error}") from None


def write_learner(file: Path, settings: Learner) -> Path | None:
    """Only what is not at its default, and what has to be there. Where the copy of another one
    lies that was there."""
    value: dict[str, Any] = {}
    for field in fields(Learner):
        given = getattr(settings, field.name)
        if given != field.default:
            value[field.name] = str(given) if isinstance(given, Path) else given
    text = HEAD + yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    other = file.exists() and file.read_bytes() != text.encode()
    copy = keep_copy(file) if other else None
    write_whole(file, text, 0o600)
    return copy


def keep_copy(file: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
    copy = file.with_name(f"{file.name}.before-trace2skill-{stamp}")
    shutil.copy2(file, copy)
    return copy


def write_key(root: Path, name: str, key: str) -> None:
    """Other lines of the file stay."""
    file = root / KEYS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    lines = [line for line in lines if not line.startswith(f"{name}=")]
    write_whole(file, "".join(f"{line}\n" for line in [*lines, f"{name}={key}"]), 0o600)


def load_keys(root: Path) -> None:
    """Into the environment, where the providers look; what the file says was said for this."""
    file = root / KEYS
    if not file.exists():
        return
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{file}: cannot be read: {error}") from None
    for line in lines:
        name, found, value = line.partition("=")
        if found and name.strip().isidentifier():
            os.environ[name.strip()] = value.strip().strip("'\"")
