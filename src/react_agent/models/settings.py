"""Which model answers, how it samples, how long it is waited for, and what it may cost."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from react_agent.bundled import API_CHAT
from react_agent.models.spending.settings import BudgetSettings
from react_agent.registry import PROVIDERS, names
from react_agent.settings import Settings, part, setting


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """One model behind one endpoint, or behind a cassette."""

    model: str | None = setting("model name", None, default_text="OPENAI_MODEL")
    llm_client: str = setting(f"protocol: {names(PROVIDERS)}, or one of your own", "openai")
    provider: str | None = setting(
        "known endpoint by name, such as groq or vllm (docs/providers.md): its address and its key",
        None,
    )
    api_chat_config: str = setting("settings of the api_chat client", API_CHAT)
    base_url: str | None = setting("endpoint; else OPENAI_BASE_URL, else OpenAI's own", None)
    api_key: str | None = setting(
        "key; else OPENAI_API_KEY; EMPTY for a local server", None, secret=True
    )
    generation_config: str | None = setting("sampling settings, as JSON text or a path", None)
    temperature: float | None = setting(
        "wins over the generation config, which wins over the stage's own", None
    )
    default_temperature: float | None = setting(
        "sent when neither flag nor config says one", None, hidden=True
    )
    as_released: bool = setting(
        "the temperature that the paper's released code sends here, whatever flag and config say",
        False,
    )
    released_temperature: float | None = setting(
        "what as_released sends; None: what is configured, as the released code does too",
        None,
        hidden=True,
    )
    record: Path | None = setting("also write every reply to a cassette", None, unit="FILE")
    replay: Path | None = setting("answer from a cassette, without a network", None, unit="FILE")
    reply_cache: Path | None = setting("reuse replies to identical requests", None, unit="DIR")
    max_downtime: float = setting(
        "an endpoint that is down is waited for; stop after so long", 900.0, unit="SECONDS", least=0
    )
    max_runtime: float | None = setting(
        "stop after so long; what is in flight is finished, the rest is owed",
        None,
        unit="SECONDS",
        least=0,
    )
    min_free_disk: float = setting(
        "stop, with the rest owed, while a disk that is written to has less free; 0: never",
        1024.0,
        unit="MIB",
        least=0,
    )
    budget: BudgetSettings = part(BudgetSettings(), "budget")
    started: float = field(default_factory=time.time, compare=False, repr=False)
    """What max_runtime counts from; seconds since the epoch."""
