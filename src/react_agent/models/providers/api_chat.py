"""The client for `api_chat` gateways, which wrap the conversation in an envelope of their own."""

import http.cookiejar
import threading
import time
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from react_agent.configfile import read_settings
from react_agent.errors import ContractError
from react_agent.model import Body as Request
from react_agent.model import Reply
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import MAX_LINE, failure, sound
from react_agent.models.providers.addresses import http_url, shown
from react_agent.models.providers.openai_compatible import finished, read_usage
from react_agent.models.providers.opening import Asked, Opened, Patience
from react_agent.models.providers.wire import (
    CONNECT_SECONDS,
    Answer,
    Body,
    Wire,
    proxy_refused,
    untrusted,
)
from react_agent.text import one_line
from react_agent.threads import let_go

if TYPE_CHECKING:  # imported when the first call is sent
    import requests

_CHUNK = 1 << 16
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
    """A Transport over the gateway; takes the same bodies as the OpenAI client.

    Each call has a thread and a session while it lasts; sessions, and with them connections, are
    used again. How many there are at once is the limiter's to say.
    """

    client = "api_chat"

    def __init__(
        self,
        config: ApiChatConfig,
        patience: Patience | None = None,
    ) -> None:
        self.config = config
        url = http_url(config.url, "the url of --api_chat_config")
        self.address = shown(url)
        self._idle: list[requests.Session] = []
        super().__init__(
            url,
            patience,
            secrets=(config.access_key,),
        )

    async def send(self, body: Request) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped)."""
        return await self.ask(body, read_answer, self._envelope)

    async def post(self, payload: bytes, seconds: float) -> Answer:
        over = threading.Event()
        try:
            return await let_go(lambda: self._blocking(payload, seconds, over))
        finally:
            over.set()  # when it is cancelled: nobody reads the rest

    def _blocking(self, payload: bytes, seconds: float, over: threading.Event) -> Answer:
        import requests

        until, body = time.monotonic() + seconds, Body()
        try:
            session = self._idle.pop() if self._idle else self._session()
            with session.post(
                str(self.url),
                data=payload,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                stream=True,
                allow_redirects=False,  # the key goes to the address it was given for
            ) as response:
                for chunk in response.iter_content(_CHUNK):
                    body.add(chunk)
                    if over.is_set() or time.monotonic() > until:
                        raise TimeoutError
            self._idle.append(session)
            return Answer(response.status_code, response.headers.get("Retry-After"), body.whole)
        except requests.RequestException as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> Exception:
        import requests
        import urllib3

        from react_agent.models.providers.requesting import reason, unreachable

        below = reason(error)
        if isinstance(below, urllib3.exceptions.ReadTimeoutError):
            return TimeoutError()
        if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(below):
            return untrusted(self.where, below)
        line = one_line(f"{type(error).__name__}: {below}", MAX_LINE)
        if isinstance(error, requests.exceptions.ProxyError) and " 407 " in str(below):
            return proxy_refused(self.where, line)
        return Fault("connection", line, unreachable=unreachable(error))

    def _session(self) -> "requests.Session":
        import requests

        from react_agent.models.providers.requesting import trusted

        session = requests.Session()
        session.trust_env = False  # it would send what ~/.netrc holds
        session.verify = trusted()
        session.headers["Content-Type"] = "application/json"
        # Cookies would tie all calls to one machine behind a balancer.
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        if self.proxy:
            session.proxies = {self.url.scheme: str(self.proxy)}
        return session

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @property
    def identity(self) -> str:
        return f"{super().identity} {self.config.model_dump_json(exclude={'access_key'})}"

    def _envelope(self, body: Request) -> dict[str, Any]:
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


def open_api_chat(asked: Asked, patience: Patience) -> Opened:
    config = ApiChatConfig.load(asked.config)
    endpoint = ApiChatEndpoint(
        config,
        patience,
    )
    return Opened(endpoint, config.model or asked.model, config.default_params)


def read_answer(payload: Any) -> Reply:
    """The reply, looked for in `choices`, then in the envelopes, then under the usual names."""
    payload = sound(payload)
    if error := _refusal(payload):
        raise error
    found = _find(payload)
    if found is None:
        raise Fault("garbled", "no reply text under any known name")
    message, layer = found
    usage = layer.get("usage") or payload.get("usage")
    return finished(message, message.get("finish_reason"), read_usage(usage))


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
