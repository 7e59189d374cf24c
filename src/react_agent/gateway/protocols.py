"""The protocols that agents speak, as far as a gateway has to read them: where a request goes,
whose model it names, what its answer has used, and how a refusal is said."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from react_agent.model import Usage
from react_agent.models.providers.anthropic_messages import NAME, read_counts
from react_agent.models.providers.known import known
from react_agent.models.providers.openai_compatible import find_base_url, find_key, read_usage

Fields = Mapping[str, Any]
_ENDS = ("/chat/completions", "/responses", "/messages")
_OTHERS = {"models", "fallbacks", "route", "preset"}
"""Members of a request by which some endpoints let another model answer."""
_OUTSIDE = {"web_search_options", "search_parameters", "enable_search", "plugins", "mcp_servers"}
_OUTSIDE |= {"background"}
"""Members by which some endpoints look into the network, or answer later and uncounted."""
_HOSTED = re.compile(
    r"builtin_function|advisor|(?:openrouter:)?(?:web_|mcp|url_|google|x_search|browser)"
    r"|(?:openrouter:)?(?:file_search|code_inter|code_exec|image_gen)"
)
"""Types of tools that the endpoint runs by itself, out of the sandbox."""


@dataclass(frozen=True)
class Protocol:
    name: str
    route: str
    """Below the address, in which `/v1` stands or is left out."""
    usage: Callable[[Fields], Usage]
    """Of an answer's `usage`."""
    part: Callable[[Fields], Fields]
    """Of one event of a stream: what holds `model` and `usage`, as a whole answer does."""
    refusal: Callable[[str, int], Fields]
    address: Callable[[str | None, str], str]
    """From what the user gives and the model's name."""
    key: Callable[[str | None], str]
    """From what the user gives, else from the environment. Raises ContractError."""
    headers: Callable[[str], Mapping[str, str]]
    """With the key."""

    def url(self, given: str | None, model: str) -> str:
        base = self.address(given, model).rstrip("/")
        for end in _ENDS:
            base = base.removesuffix(end)
        return f"{base.removesuffix('/v1') if self.name == 'messages' else base}{self.route}"


def inner(value: Fields, name: str) -> Fields:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def own_work(body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A request without what leads out of the case, and the names of what was taken out."""
    taken = [name for name in body if name in _OTHERS | _OUTSIDE and body[name]]
    kept = {name: value for name, value in body.items() if name not in taken}
    tools = body.get("tools")
    if isinstance(tools, list):
        hosted = [one for one in tools if isinstance(one, dict) and _HOSTED.match(_type(one))]
        taken += [_type(one) for one in hosted]
        if hosted:
            kept["tools"] = [one for one in tools if one not in hosted]
    return kept, taken


def _type(tool: Fields) -> str:
    return str(tool.get("type") or "")


def _of_responses(usage: Fields) -> Usage:
    """The same counts as of chat completions, under the names of this protocol."""
    return read_usage(
        {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "prompt_tokens_details": usage.get("input_tokens_details"),
        }
    )


def _refused(words: str, status: int) -> Fields:
    return {"error": {"message": words, "type": "invalid_request_error", "code": str(status)}}


def _refused_messages(words: str, status: int) -> Fields:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": words}}


def _bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _x_api_key(key: str) -> Mapping[str, str]:
    return {"x-api-key": key}


PROTOCOLS = {
    one.name: one
    for one in (
        Protocol(
            "chat",
            "/chat/completions",
            read_usage,
            lambda event: event,
            _refused,
            find_base_url,
            find_key,
            _bearer,
        ),
        Protocol(
            "responses",
            "/responses",
            _of_responses,
            lambda event: inner(event, "response"),
            _refused,
            find_base_url,
            find_key,
            _bearer,
        ),
        Protocol(
            "messages",
            "/v1/messages",
            read_counts,
            lambda event: inner(event, "message") or event,
            _refused_messages,
            lambda given, model: known(NAME).address(given),
            lambda given: known(NAME).key(given),
            _x_api_key,
        ),
    )
}


class Reading:
    """What an answer says of itself, whole or event by event."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.served = ""
        self.counted: dict[str, Any] = {}
        self._rest = b""

    @property
    def usage(self) -> Usage:
        return self.protocol.usage(self.counted)

    def whole(self, body: bytes) -> dict[str, Any]:
        """Empty for what is no JSON object."""
        return self._take(body, lambda answer: answer)

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """The events that are complete with this piece of a stream."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        return list(self._events(lines))

    def _events(self, lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
        for line in lines:
            if line.startswith(b"data:") and (event := self._take(line[5:], self.protocol.part)):
                yield event

    def _take(self, text: bytes, part: Callable[[Fields], Fields]) -> dict[str, Any]:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(event, dict):
            return {}
        found = part(event)
        if isinstance(found.get("model"), str) and found["model"]:
            self.served = found["model"]
        # Counts of one stream come in parts, and later ones replace earlier ones.
        self.counted |= {k: v for k, v in inner(found, "usage").items() if v is not None}
        return event
