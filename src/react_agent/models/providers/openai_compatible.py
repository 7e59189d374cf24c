"""The client for every OpenAI-compatible server, over the `openai` SDK."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from yarl import URL

from react_agent.errors import ContractError, PromptRefused
from react_agent.model import Body, Reply, Usage
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import MAX_LINE, failure_in_reply, sound
from react_agent.models.providers.addresses import http_url, shown
from react_agent.models.providers.headers import custom_headers, header_value
from react_agent.models.providers.known import Known
from react_agent.models.providers.opening import Asked, Opened, Patience
from react_agent.models.providers.reasoning import reasoning_field, split_reasoning
from react_agent.models.providers.wire import Answer, Wire
from react_agent.text import for_terminal, one_line

if TYPE_CHECKING:  # a second of imports, too much for --help
    from openai import AsyncOpenAI

OPENAI = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
BASE_URL = "the base URL (--base_url, OPENAI_BASE_URL)"
ACCOUNT_HEADERS = ("OpenAI-Organization", "OpenAI-Project")
CUSTOM_HEADERS = "OPENAI_CUSTOM_HEADERS"
"""What the SDK takes from its environment, too; no other company gets to see them."""
_CHAT = "/chat/completions"
MOST_TOKENS = 10**9
_CUT_OFF = {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"}
_BROKEN_OFF = {"abort", "error"}
"""finish_reason of vLLM and SGLang for a request that the server itself ended."""


class OpenAIEndpoint(Wire):
    """A Transport. One instance, and with it one connection pool, serves all workers.

    The SDK makes the request (headers, organisation, project, Azure); its retries are off, since
    those here serve all workers together.
    """

    client = "openai"
    route = _CHAT

    def __init__(
        self,
        base_url: str,
        api_key: str,
        patience: Patience | None = None,
        *,
        azure: bool = False,
        known: Known | None = None,
    ) -> None:
        base = http_url(base_url, BASE_URL)
        base = base.with_path(base.path.rstrip("/").removesuffix(_CHAT), keep_query=True)
        self.address = shown(base)
        self._key, self._azure = header_value(api_key), azure
        foreign = known is not None and known.key_variable != KEY_VARIABLE
        custom = custom_headers(CUSTOM_HEADERS)
        self._withheld = [*ACCOUNT_HEADERS, *custom] if foreign else []
        self._sdk: AsyncOpenAI | None = None
        super().__init__(
            base.with_path(base.path.rstrip("/") + self.route, keep_query=True),
            patience,
            secrets=(self._key, *custom.values()),
        )
        self.parameters.instead.update(known.renamed if known else {})

    async def send(self, body: Body) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped)."""
        return await self.ask(body, read_completion)

    async def post(self, payload: bytes, seconds: float) -> Answer:
        import httpx2
        import openai

        self._sdk = self._sdk or self._open()
        try:
            # As bytes: what was written once serves all attempts, whatever the body holds.
            response = await self._sdk.post(
                str(self.url),
                content=payload,
                cast_to=httpx2.Response,
                options={"headers": dict.fromkeys(self._withheld, openai.Omit())},
            )
        except openai.APIStatusError as error:
            response = error.response
        return Answer(response.status_code, response.headers.get("Retry-After"), response.content)

    async def close(self) -> None:
        if self._sdk:
            await self._sdk.close()

    def _open(self) -> "AsyncOpenAI":
        import openai

        from react_agent.models.providers.connections import pooled

        pool = pooled(self.where, self.proxy)
        if self._azure:
            return openai.AsyncAzureOpenAI(
                base_url=self.address, api_key=self._key, http_client=pool, max_retries=0
            )
        return openai.AsyncOpenAI(
            base_url=self.address, api_key=self._key, http_client=pool, max_retries=0
        )


def open_openai(asked: Asked, patience: Patience) -> Opened:
    """Key and address from the user, else from the environment as the SDK reads it."""
    azure = on_azure(asked.base_url)
    endpoint = OpenAIEndpoint(
        find_base_url(asked.base_url, asked.model),
        find_key(asked.api_key, azure=azure),
        patience,
        azure=azure,
        known=asked.known,
    )
    return Opened(endpoint, asked.model)


def find_base_url(flag: str | None, model: str = "") -> str:
    """On Azure each model has an address of its own."""
    if on_azure(flag):
        resource = os.environ["AZURE_OPENAI_ENDPOINT"].rstrip("/")
        return f"{resource}/openai/deployments/{quote(model)}"
    return flag or os.environ.get("OPENAI_BASE_URL") or OPENAI


def models_url(flag: str | None) -> URL:
    """Where the endpoint lists its models. Raises ContractError."""
    base = http_url(find_base_url(flag), BASE_URL)
    if on_azure(flag):
        version = os.environ.get("OPENAI_API_VERSION", "")
        return base.parent.parent.joinpath("models").with_query({"api-version": version})
    path = base.path.rstrip("/").removesuffix(_CHAT)
    return base.with_path(path + "/models", keep_query=True)


def on_azure(base_url: str | None) -> bool:
    """Whether the SDK's environment names an Azure resource, and nothing names another address."""
    given = base_url or os.environ.get("OPENAI_BASE_URL")
    return not given and bool(os.environ.get("AZURE_OPENAI_ENDPOINT"))


def find_key(flag: str | None, *, azure: bool = False) -> str:
    """Raises ContractError where there is none."""
    name = "AZURE_OPENAI_API_KEY" if azure else KEY_VARIABLE
    key = flag or os.environ.get(name) or ""
    if not key.strip():
        raise ContractError(f"no API key: set {name} or give --api_key (EMPTY for a local server)")
    if azure and not os.environ.get("OPENAI_API_VERSION"):
        raise ContractError("AZURE_OPENAI_ENDPOINT is set: OPENAI_API_VERSION has to be, too")
    return key


def read_completion(payload: Any) -> Reply:
    """The reply in a chat completion. Raises Fault for a body that is none, or is empty."""
    payload = sound(payload)
    choices = payload.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Fault("garbled", "the reply has no choices")
    if error := failure_in_reply(choice):
        raise error
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Fault("garbled", "the reply's first choice has no message")
    usage = read_usage(payload.get("usage"))
    return finished(message, choice.get("finish_reason"), usage)


def finished(message: Mapping[str, Any], finish: object, usage: Usage) -> Reply:
    """A reply, unless there is nothing in it: a Fault, so that it is asked for again.

    Empty is taken as it is when the token limit was spent on reasoning, and when the model never
    stopped thinking in its text: both would come again. Raises PromptRefused for what a filter
    took.
    """
    text, reasoning = split_reasoning(message)
    reason = finish if isinstance(finish, str) and finish else "stop"
    if reason in _BROKEN_OFF:
        raise Fault("server", f"the server broke off the reply (finish_reason {reason})")
    if reason == "content_filter":
        raise PromptRefused("a content filter took the reply (finish_reason content_filter)")
    if reason in _CUT_OFF:
        reason = "length"
    if not text.strip() and reason != "length":
        if refusal := message.get("refusal"):
            raise PromptRefused(
                f"the model refused: {one_line(for_terminal(str(refusal)), MAX_LINE)}"
            )
        if reasoning_field(message) or not reasoning:
            raise Fault("empty", "the reply is empty" + _why_empty(message, reason))
    return Reply(text=text, reasoning=reasoning, finish=reason, usage=usage)


def _why_empty(message: Mapping[str, Any], reason: str) -> str:
    if reason in ("tool_calls", "function_call") or message.get("tool_calls"):
        return "; the server's own tool-call parser took it: switch it off"
    if field := reasoning_field(message):
        return (
            f" beside reasoning in {field!r}: the server's reasoning parser took it; switch that "
            "off (vLLM: no --reasoning-parser), or thinking on (enable_thinking)"
        )
    return ""


def read_usage(usage: object) -> Usage:
    """Tokens as far as the endpoint counts them; the call itself always counts."""
    if not isinstance(usage, dict):
        return Usage(calls=1)
    details, prompt = usage.get("prompt_tokens_details"), tokens(usage.get("prompt_tokens"))
    cached = tokens(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(
        calls=1,
        prompt_tokens=prompt,
        completion_tokens=tokens(usage.get("completion_tokens")),
        cached_tokens=min(cached, prompt),
    )


def tokens(value: object) -> int:
    """0 for what counts no tokens of one call: no cap may be passed, or never be reached, by it."""
    return int(value) if isinstance(value, int | float) and 0 < value < MOST_TOKENS else 0
