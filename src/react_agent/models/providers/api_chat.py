"""The client for `api_chat` gateways, which wrap the conversation in an envelope of their own."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from react_agent.configfile import read_settings
from react_agent.errors import ContractError
from react_agent.model import Body, Reply
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.refusals import failure, failure_in_reply
from react_agent.models.patience.retry import Stats
from react_agent.models.providers.openai_compatible import finished, read_usage
from react_agent.models.providers.reasoning import split_reasoning
from react_agent.models.providers.wire import Wire, http_url, shown

_ENVELOPES = ("completion", "data")
_TEXT = ("response", "content", "text", "reply", "output", "message")
_SUCCESS = {"", "0", "200", "none", "ok", "success", "true"}


class ApiChatConfig(BaseModel):
    """The file behind `--api_chat_config`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    model: str = ""
    """Sent instead of `--model` when it is not empty."""
    app: str = ""
    quota_id: str = ""
    user_id: str = ""
    access_key: str = Field(default="", repr=False)
    tag: str = ""
    default_params: dict[str, Any] = Field(default_factory=dict)
    """Sampling settings that the generation config and the flags override."""

    @classmethod
    def load(cls, text_or_path: str) -> "ApiChatConfig":
        """Raises ContractError, also while the address is still empty."""
        config = read_settings(cls, text_or_path, "--api_chat_config")
        if not config.url.strip():
            raise ContractError(
                f"{text_or_path[:200]}: url is empty; fill in the gateway's address"
            )
        return config


class ApiChatEndpoint(Wire):
    """A Transport over the gateway; takes the same bodies as the OpenAI client."""

    client = "api_chat"

    def __init__(
        self,
        config: ApiChatConfig,
        *,
        timeout: float = 600.0,
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        stats: Stats | None = None,
    ) -> None:
        self.config = config
        url = http_url(config.url, "the url of --api_chat_config")
        self.address = shown(url)
        super().__init__(
            url,
            secrets=(config.access_key,),
            timeout=timeout,
            policy=policy,
            limiter=limiter,
            stats=stats,
        )

    async def send(self, body: Body) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped)."""
        return await self.ask(self._envelope(body), read_answer)

    @property
    def identity(self) -> str:
        return f"{super().identity} {self.config.model_dump_json(exclude={'access_key'})}"

    def _envelope(self, body: Body) -> dict[str, Any]:
        config = self.config
        params = {k: v for k, v in body.items() if k not in ("model", "messages")}
        return {
            "model": config.model or body["model"],
            "prompt": body["messages"],
            "params": {**config.default_params, **params},
            "app": config.app,
            "quota_id": config.quota_id,
            "user_id": config.user_id,
            "access_key": config.access_key,
            "tag": config.tag,
        }


def read_answer(payload: Any) -> Reply:
    """The reply, looked for in `choices`, then in the envelopes, then under the usual names."""
    if not isinstance(payload, dict):
        raise Fault("garbled", f"the reply is a JSON {type(payload).__name__}, not an object")
    if error := failure_in_reply(payload) or _refusal(payload):
        raise error
    found = _find(payload)
    if found is None:
        raise Fault("garbled", "no reply text under any known name")
    message, layer = found
    usage = layer.get("usage") or payload.get("usage")
    return finished(*split_reasoning(message), message.get("finish_reason"), read_usage(usage))


Found = tuple[dict[str, Any], dict[str, Any]]
"""A message (content, reasoning, finish_reason), and the object that it was found in."""


def _find(layer: dict[str, Any], depth: int = 0) -> Found | None:
    if message := _chosen(layer):
        return message, layer
    for name in _ENVELOPES:
        inner = layer.get(name)
        if isinstance(inner, str) and inner:
            return {**layer, "content": inner}, layer
        if isinstance(inner, dict) and depth < 4 and (found := _find(inner, depth + 1)):
            return found
    for name in _TEXT:
        value = layer.get(name)
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str) and value:
            return {**layer, "content": value}, layer
    return None


def _chosen(layer: dict[str, Any]) -> dict[str, Any] | None:
    choices = layer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    return {**message, "finish_reason": choice.get("finish_reason")}


def _refusal(payload: dict[str, Any]) -> Exception | None:
    """Gateways report errors as a code beside a `message`, which would pass for the reply."""
    code = str(payload.get("code", "")).lower()
    if code in _SUCCESS and payload.get("success", True) is not False:
        return None
    status = int(code) if code.isdigit() and 400 <= int(code) < 600 else 500
    return failure(status, str(payload.get("message") or payload.get("msg") or payload))
