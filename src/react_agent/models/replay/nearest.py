"""Say which recorded request a missing one comes closest to, and where the two part."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rapidfuzz import fuzz, process

_EXCERPT = 60
_COMPARED = 4_000


class Request(BaseModel, frozen=True):
    settings: dict[str, Any]
    """The body without its messages."""
    messages: tuple[str, ...]
    """Digests, oldest first."""


def explain(
    asked: Request,
    asked_texts: Mapping[str, Mapping[str, Any]],
    entries: Sequence[Request],
    texts: Mapping[str, Mapping[str, Any]],
) -> str:
    """One line: the nearest entry's number and the first difference to it."""
    if not entries:
        return "it holds no reply at all"
    number = _nearest(asked, asked_texts, entries, texts)
    entry = entries[number]
    at = _shared(asked.messages, entry.messages)
    # The header is line 1.
    where = f"the nearest is line {number + 2}"
    if at == len(asked.messages) == len(entry.messages):
        return f"{where}, which differs in {_setting(asked.settings, entry.settings)}"
    if at == len(asked.messages):
        return f"{where}, whose conversation goes on after message {at}"
    mine = _text(asked_texts[asked.messages[at]])
    if at == len(entry.messages):
        return f"{where}, which ends before message {at + 1}: {mine[:_EXCERPT]!r}"
    other = texts.get(entry.messages[at])
    if other is None:
        return f"{where}, which differs in message {at + 1}: {mine[:_EXCERPT]!r}"
    return f"{where}, which differs in message {at + 1}: {_difference(mine, _text(other))}"


def _nearest(
    asked: Request,
    asked_texts: Mapping[str, Mapping[str, Any]],
    entries: Sequence[Request],
    texts: Mapping[str, Mapping[str, Any]],
) -> int:
    """Longest common beginning first, then the likest message where the conversations part."""
    shared = [_shared(asked.messages, entry.messages) for entry in entries]
    best = max(shared)
    candidates = [i for i, length in enumerate(shared) if length == best]
    if best == len(asked.messages):
        return min(candidates, key=lambda i: len(entries[i].messages))
    mine = _text(asked_texts[asked.messages[best]])[:_COMPARED]
    choices = {
        i: _text(texts.get(entries[i].messages[best], {}))[:_COMPARED]
        for i in candidates
        if len(entries[i].messages) > best
    }
    found = process.extractOne(mine, choices, scorer=fuzz.ratio)
    return int(found[2]) if found else candidates[0]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content", "")
    text = content if isinstance(content, str) else json.dumps(content)
    return f"{message.get('role', '')}: {text}"


def _setting(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    for name in sorted({*asked, *recorded}):
        if asked.get(name) != recorded.get(name) or (name in asked) != (name in recorded):
            mine, other = (_value(side, name) for side in (asked, recorded))
            return f"{name}: asked {mine}, recorded {other}"
    return "nothing that is written down; was the file edited?"


def _value(side: Mapping[str, Any], name: str) -> str:
    return json.dumps(side[name])[:_EXCERPT] if name in side else "not given"


def _difference(asked: str, recorded: str) -> str:
    at = _shared(asked, recorded)
    start = max(0, at - _EXCERPT // 3)
    mine, other = asked[start : start + _EXCERPT], recorded[start : start + _EXCERPT]
    return f"from character {at + 1}, asked {mine!r}, recorded {other!r}"
