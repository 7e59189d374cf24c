"""Record replies to a JSON-lines file and answer from it later.

First line: `{"cassette": 1, "note": ..., "origin": ...}`. Each further line is one reply:
`key` is the SHA-256 of the whole request in canonical JSON and alone decides what a request
replays. `request` is for people and for naming the nearest entry: its settings, and a digest for
each message. Every turn repeats the conversation, so a message's text stands only in the first
entry that needs it (`new`), and an answer not at all where it is the text of an earlier reply.

**Masks** let a cassette from one folder replay in any other: a mapping of placeholders to this
machine's strings, `{"<work>": "/home/me/run/work"}`. Rules that follow from how it works:

- The strings inside messages are masked, not the dumped JSON, so escaping plays no part; a path
  that the *text* holds in escaped form (a quote or backslash in it) is not found.
- One pass, longest string first: nested paths keep their own placeholders, and nothing is
  replaced twice. Strings are literal; there are no patterns.
- A string is also replaced inside a longer name (`/w` in `/w2`). That is wanted: it would be
  another name elsewhere. It is put back exactly.
- A placeholder must be something no conversation contains: in a reply it turns into the path.
- Only strings that may differ are masked; a date or process id in an observation is not known
  here, and makes every later turn miss.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from react_agent.configfile import fitted
from react_agent.errors import ContractError, EndpointRefused
from react_agent.files import append_line, digest
from react_agent.model import Body, Reply, Transport
from react_agent.models.replay.nearest import Request, explain


class Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    cassette: Literal[1]
    note: str = ""
    origin: str = ""
    """Where the replies come from: a model and server, or a script."""


class CassetteEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    request: Request
    new: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Messages that no earlier entry holds, by digest."""
    reply: Reply


class Masks:
    """Placeholders for what differs from machine to machine."""

    def __init__(self, masks: Mapping[str, str]) -> None:
        self._shown = {placeholder: value for placeholder, value in masks.items() if value}
        self._hidden = {value: name for name, value in reversed(self._shown.items())}
        self._find_value = _any_of(self._hidden)
        self._find_placeholder = _any_of(self._shown)

    def hide(self, text: str) -> str:
        if self._find_value is None:
            return text
        return self._find_value.sub(lambda found: self._hidden[found[0]], text)

    def show(self, text: str) -> str:
        if self._find_placeholder is None:
            return text
        return self._find_placeholder.sub(lambda found: self._shown[found[0]], text)

    def request(self, body: Body) -> Body:
        return {**body, "messages": [_each_string(m, self.hide) for m in body["messages"]]}

    def reply(self, reply: Reply, *, hide: bool = False) -> Reply:
        change = self.hide if hide else self.show
        return reply.model_copy(
            update={"text": change(reply.text), "reasoning": change(reply.reasoning)}
        )


def _any_of(strings: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(strings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _each_string(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_string(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _each_string(item, change) for key, item in value.items()}
    return value


def canonical(value: Any) -> str:
    """One text for one JSON value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def request_key(body: Body) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def message_digest(message: Mapping[str, Any]) -> str:
    return digest(canonical(message))[:12]


def describe_request(body: Body) -> Request:
    settings = {name: value for name, value in body.items() if name != "messages"}
    return Request(settings=settings, messages=tuple(map(message_digest, body["messages"])))


class Recorder:
    """A Transport that also writes down what passes through it, one whole line a reply.

    Goes on in a file that exists. Only replies are written: an error is none.
    """

    def __init__(
        self,
        inner: Transport,
        path: Path,
        masks: Mapping[str, str] | None = None,
        *,
        note: str = "",
        origin: str = "",
        secrets: Iterable[str] = (),
    ) -> None:
        self.inner, self.path, self.masks = inner, path, Masks(masks or {})
        self._secrets = _any_of(secrets)
        self._known: set[str] = set()
        if path.exists() and path.stat().st_size:
            for entry in read_cassette(path)[1]:
                self._known |= {*entry.new, _as_history(entry.reply)}
        else:
            append_line(path, Header(cassette=1, note=note, origin=origin).model_dump())

    async def send(self, body: Body) -> Reply:
        reply = await self.inner.send(body)
        masked = self.masks.request(body)
        request = describe_request(masked)
        new = {
            name: message
            for name, message in zip(request.messages, masked["messages"], strict=True)
            if name not in self._known
        }
        kept = self.masks.reply(reply, hide=True)
        entry = CassetteEntry(key=request_key(masked), request=request, new=new, reply=kept)
        line = entry.model_dump(exclude_defaults=True)
        append_line(self.path, _each_string(line, self._without_secrets), synced=False)
        self._known |= {*new, _as_history(kept)}
        return reply

    def _without_secrets(self, text: str) -> str:
        return self._secrets.sub("***", text) if self._secrets else text


def _as_history(reply: Reply) -> str:
    return message_digest({"role": "assistant", "content": reply.text})


class Replayer:
    """A Transport that answers from a cassette and never reaches for a network.

    A request that was recorded several times gets its replies in the recorded order, then the
    last one for ever.
    """

    def __init__(self, path: Path, masks: Mapping[str, str] | None = None) -> None:
        self.path, self.masks = path, Masks(masks or {})
        self.header, entries = read_cassette(path)
        self.entries = list(entries)
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        for entry in self.entries:
            self._replies[entry.key].append(entry.reply)
        self._next: dict[str, int] = defaultdict(int)

    async def send(self, body: Body) -> Reply:
        """Raises EndpointRefused that names the nearest entry and the first difference."""
        masked = self.masks.request(body)
        key = request_key(masked)
        replies = self._replies.get(key)
        if not replies:
            request = describe_request(masked)
            texts = dict(zip(request.messages, masked["messages"], strict=True))
            recorded = [entry.request for entry in self.entries]
            why = explain(request, texts, recorded, self._texts())
            raise EndpointRefused(f"{self.path}: this request is not on the cassette; {why}")
        number = min(self._next[key], len(replies) - 1)
        self._next[key] += 1
        return self.masks.reply(replies[number])

    def _texts(self) -> dict[str, dict[str, Any]]:
        texts: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            texts.update(entry.new)
            texts[_as_history(entry.reply)] = {"role": "assistant", "content": entry.reply.text}
        return texts


def read_cassette(path: Path) -> tuple[Header, Iterator[CassetteEntry]]:
    """Header and entries. Raises ContractError that names the damaged line."""
    if not path.is_file():
        raise ContractError(f"{path}: no such cassette")
    lines = _lines(path)
    number, first = next(lines, (1, None))
    try:
        header = Header.model_validate(first)
    except ValidationError:
        raise ContractError(
            f'{path}: line {number} is no cassette header ({{"cassette": 1, ...}})'
        ) from None
    return header, _entries(path, lines)


def _entries(path: Path, lines: Iterator[tuple[int, Any]]) -> Iterator[CassetteEntry]:
    for number, value in lines:
        where = f"{path}: line {number} is damaged ("
        yield fitted(CassetteEntry, value, where, then="); delete that line")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, json.loads(line)
    except (ValueError, RecursionError):
        raise ContractError(
            f"{path}: line {number} is damaged (no JSON); delete that line"
        ) from None
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror}") from None
