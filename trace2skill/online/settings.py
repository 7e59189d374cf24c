"""Which sessions are meant, and what is done with them."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class SessionChoice(Settings):
    """Sessions of one or of all clients."""

    client: tuple[str, ...] = setting(
        "only of these: claude-code, codex, qwen-code, langsmith, atif, inspect, or "
        "module:attribute",
        (),
        unit="NAMES",
    )
    source: Path | None = setting(
        "where sessions lie; exports (LangSmith, ATIF, Inspect) are found in no other way",
        None,
        flag="from",
        unit="FOLDER",
        default_text="the clients' usual places",
    )
    since: str | None = setting("changed on this day or later", None, unit="YYYY-MM-DD")
    project: str = setting("only where this stands in the path of the work's folder", "")


@dataclass(frozen=True, kw_only=True)
class SessionList(SessionChoice):
    """What sessions there are."""

    json: bool = setting("as JSON", False)


@dataclass(frozen=True, kw_only=True)
class SessionShow(SessionChoice):
    """One session, as it would be sent."""

    id: str = setting("of the session, or how it begins", unit="ID", positional=True)


@dataclass(frozen=True, kw_only=True)
class SessionImport(SessionChoice):
    """Sessions as the logs of a run."""

    output_dir: Path = setting("the run to make or to go on with", positional=True)
    ids: tuple[str, ...] = setting("only these, or what begins so", (), unit="IDS")
    with_signals: bool = setting("only sessions that show a signal", False)
