"""The client for Anthropic's Messages API, over the `anthropic` SDK (the extra of that name)."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from yarl import URL

from react_agent.errors import ContractError, PromptRefused
from react_agent.model import Body, Reply, Usage
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import MAX_LINE, sound
from react_agent.models.providers.addresses import http_url, shown
from react_agent.models.providers.headers import custom_headers, header_value
from react_agent.models.providers.known import known
from react_agent.models.providers.openai_compatible import tokens
from react_agent.models.providers.opening import Asked, Opened, Patience
from react_agent.models.providers.wire import Answer, Wire
from react_agent.text import for_terminal, one_line

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

NAME = "anthropic"
MAX_TOKENS = 16_384
"""Of a reply where no setting says it, as the protocol wants a number: all of a long answer, and
no more than most models give."""
_ROUTE = "/v1/messages"
_ENDS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
}
_KEPT = {"cache_control": {"type": "ephemeral"}}
"""Behind this block the endpoint keeps what it has read, for five minutes."""


class AnthropicEndpoint(Wire):
    """A Transport that takes the same bodies as the OpenAI client. The SDK makes the request; its
    retries are off, since those here serve all workers together."""

    client = NAME

    def __init__(
        self,
        base_url: str,
        api_key: str,
        patience: Patience | None = None,
    ) -> None:
        url = messages_url(base_url)
        self._key = header_value(api_key)
        self._sdk: AsyncAnthropic | None = None
        self.address = shown(url).removesuffix(_ROUTE)
        super().__init__(
            url,
            patience,
            secrets=(self._key, *custom_headers("ANTHROPIC_CUSTOM_HEADERS").values()),
        )
        self.parameters.instead.update(known(NAME).renamed)

    async def send(self, body: Body) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped)."""
        return await self.ask(body, read_message, as_messages)

    async def post(self, payload: bytes, seconds: float) -> Answer:
        import anthropic
        import httpx2

        self._sdk = self._sdk or self._open()
        try:
            response = await self._sdk.post(str(self.url), content=payload, cast_to=httpx2.Response)
        except anthropic.APIStatusError as error:
            response = error.response
        except anthropic.APIConnectionError as error:
            raise error.__cause__ or error from None  # what the pool has said
        return Answer(response.status_code, response.headers.get("Retry-After"), response.content)

    async def close(self) -> None:
        if self._sdk:
            await self._sdk.close()

    def _open(self) -> "AsyncAnthropic":
        import anthropic

        from react_agent.models.providers.connections import pooled

        return anthropic.AsyncAnthropic(
            base_url=self.address,
            api_key=self._key,
            http_client=pooled(self.where, self.proxy),
            max_retries=0,
        )


def open_anthropic(asked: Asked, patience: Patience) -> Opened:
    """Key and address from the user, else from the variables that the SDK reads, too."""
    if find_spec("anthropic") is None:
        raise ContractError(
            "the provider anthropic needs its SDK: pip install 'trace2skill-toolkit[anthropic]'"
        )
    provider = asked.known or known(NAME)
    endpoint = AnthropicEndpoint(
        provider.address(asked.base_url),
        provider.key(asked.api_key),
        patience,
    )
    return Opened(endpoint, asked.model, {"max_tokens": MAX_TOKENS})


def messages_url(base_url: str) -> URL:
    """Where to ask, of an address with or without the version. Raises ContractError."""
    base = http_url(base_url, "the base URL (--base_url, ANTHROPIC_BASE_URL)")
    path = base.path.rstrip("/").removesuffix("/messages").removesuffix("/v1")
    return base.with_path(path + _ROUTE, keep_query=True)


def models_url(base_url: str) -> URL:
    """Where the endpoint lists its models. Raises ContractError."""
    url = messages_url(base_url)
    listed = url.with_path(url.path.removesuffix("messages") + "models", keep_query=True)
    return listed.update_query(limit=1000)


# ---- what is sent ----------------------------------------------------------


def as_messages(body: Body) -> dict[str, Any]:
    """A chat body in the form of this protocol, marked for its cache.

    System messages stand apart, empty ones are refused there, and one role never speaks twice in a
    row. What every case shares (the system message), what every turn of a case shares (the first
    message) and all that came before the next turn is kept in the cache.
    """
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for message in body["messages"]:
        blocks = list(_blocks(message["content"]))
        if message["role"] == "system":
            system += blocks
        elif blocks and messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": message["role"], "content": blocks})
    shared = [system, *(message["content"] for message in (*messages[:1], *messages[1:][-1:]))]
    for blocks in filter(None, shared):
        blocks[-1] |= _KEPT
    sent = {"max_tokens": MAX_TOKENS, **body, "messages": messages}
    if system:
        sent["system"] = system
    if "stop_sequences" in sent:  # one of blanks alone is refused
        sent["stop_sequences"] = [stop for stop in sent["stop_sequences"] if stop.strip()]
    return sent


def _blocks(content: Any) -> Iterator[dict[str, Any]]:
    """Of a text, or of parts as chat-completions has them."""
    parts: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts:
        if part["type"] == "image_url":
            yield {"type": "image", "source": _source(part["image_url"]["url"])}
        elif part["text"].strip():
            yield {"type": "text", "text": part["text"]}


def _source(url: str) -> dict[str, str]:
    head, comma, encoded = url.partition(",")
    if not (comma and head.startswith("data:")):
        return {"type": "url", "url": url}
    kind = head.removeprefix("data:").removesuffix(";base64")
    return {"type": "base64", "media_type": kind, "data": encoded}


# ---- what comes back -------------------------------------------------------


def read_message(payload: Any) -> Reply:
    """The reply in a message. Raises Fault for a body that is none, or is empty."""
    payload = sound(payload)
    content = payload.get("content")
    if not isinstance(content, list):
        raise Fault("garbled", "the reply has no content")
    blocks = [block for block in content if isinstance(block, dict)]
    text, reasoning = _joined(blocks, "text"), _joined(blocks, "thinking", "\n\n")
    reason = str(payload.get("stop_reason") or "end_turn")
    if reason == "refusal":
        raise PromptRefused(f"the model refused{_why(payload.get('stop_details'))}")
    finish = _ENDS.get(reason, reason)
    if not text.strip() and finish != "length":
        raise Fault("empty", f"the reply is empty (stop_reason {one_line(reason, MAX_LINE)})")
    return Reply(
        text=text, reasoning=reasoning, finish=finish, usage=read_counts(payload.get("usage"))
    )


def _joined(blocks: Sequence[Mapping[str, Any]], kind: str, between: str = "") -> str:
    """A lone surrogate cannot be stored or sent again."""
    found = [block.get(kind) for block in blocks if block.get("type") == kind]
    text = between.join(part for part in found if isinstance(part, str))
    return text.encode("utf-8", "replace").decode("utf-8")


def _why(details: object) -> str:
    said = details.get("explanation") if isinstance(details, dict) else None
    return f": {one_line(for_terminal(str(said)), MAX_LINE)}" if said else ""


def read_counts(usage: object) -> Usage:
    """Input tokens are told apart by what the cache did with them; here they are one sum."""
    if not isinstance(usage, dict):
        return Usage(calls=1)
    counts = {name: tokens(value) for name, value in usage.items()}
    read = counts.get("cache_read_input_tokens", 0)
    written = counts.get("cache_creation_input_tokens", 0)
    return Usage(
        calls=1,
        prompt_tokens=counts.get("input_tokens", 0) + read + written,
        completion_tokens=counts.get("output_tokens", 0),
        cached_tokens=read,
        written_tokens=written,
    )
