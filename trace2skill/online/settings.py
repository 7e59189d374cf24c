"""Which sessions are meant, and what is done with them."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.bundled import PRICES
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


@dataclass(frozen=True, kw_only=True)
class Learning(Settings):
    """What a skill learns from, with which model, and how much that may cost."""

    base_url: str | None = setting("endpoint; else OPENAI_BASE_URL, else OpenAI's own", None)
    llm_client: str = setting("protocol of the endpoint", "openai")
    provider: str | None = setting("known endpoint by name (docs/providers.md)", None)
    generation_config: str | None = setting("sampling settings, as JSON text or a path", None)
    sessions_dir: Path | None = setting(
        "where the client leaves its sessions; nothing outside is read",
        None,
        default_text="projects in the client's own folder",
    )
    after: int = setting("learn once so many fitting sessions have come together", 5, least=1)
    any_session: bool = setting("also sessions in which the skill was not opened", False)
    project: str = setting("only where this stands in the path of the work's folder", "")
    by_hand: bool = setting("the hook only notes sessions; `online run` learns", False)
    auto_adopt: bool = setting("swap the new skill in without asking", False)
    min_support: int = setting("distinct sessions that a lesson needs", 1, least=1)
    day_tokens: int = setting("of prompts and replies a day", 2_000_000, least=0, unit="TOKENS")
    day_calls: int | None = setting("of the model a day", None, least=0, unit="CALLS")
    day_cost: float | None = setting("a day", None, least=0, unit="DOLLARS")
    prices: str = setting("dollars per million tokens: a file, or PROMPT,REPLY", PRICES)


@dataclass(frozen=True, kw_only=True)
class Learner(Learning):
    """What `~/.trace2skill/<skill>.yaml` holds."""

    skill: Path = setting("the skill's folder")
    model: str = setting("name of the model that draws lessons and evolves")


@dataclass(frozen=True, kw_only=True)
class SetUp(Learning):
    """What the wizard asks, or is told."""

    skill: Path | None = setting("the skill's folder", None, default_text="asked")
    model: str | None = setting(
        "name of the model that draws lessons and evolves", None, default_text="asked"
    )
    api_key: str | None = setting("key of the endpoint", None, secret=True, default_text="asked")
    client_settings: Path | None = setting(
        "where the hook goes", None, default_text="settings.json in the client's own folder"
    )
    config: Path | None = setting(
        "the file to write", None, default_text="~/.trace2skill/<skill>.yaml"
    )
    yes: bool = setting("ask nothing", False)


CONFIG = "which skill's settings"


@dataclass(frozen=True, kw_only=True)
class OfSkill(Settings):
    """A command on one skill that learns."""

    config: Path | None = setting(
        CONFIG, None, unit="FILE", default_text="the only one in ~/.trace2skill"
    )


@dataclass(frozen=True, kw_only=True)
class Learn(OfSkill):
    now: bool = setting("do not wait for as many sessions as the settings say", False)


@dataclass(frozen=True, kw_only=True)
class ShowStaged(OfSkill):
    diff: bool = setting("only the diff, for `patch -p1`", False)


@dataclass(frozen=True, kw_only=True)
class Adopt(OfSkill):
    force: bool = setting("also when the skill has changed since; what it is now is kept", False)


@dataclass(frozen=True, kw_only=True)
class Reject(OfSkill):
    reason: str = setting("why; analysts are told, so that the same does not come again")


@dataclass(frozen=True, kw_only=True)
class BringBack(OfSkill):
    to: str | None = setting(
        "name of a backup", None, default_text="what was before the last adoption"
    )


@dataclass(frozen=True, kw_only=True)
class TakeOut(OfSkill):
    client_settings: Path | None = setting(
        "where the hook is", None, default_text="settings.json in the client's own folder"
    )
