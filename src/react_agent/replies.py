"""Read what an agent says: a tool call, or that it is done, or neither.

The protocol is text ReAct (contracts: `Thought:`, then `Action:` and one JSON object, the end is
`ACTION: TASK_COMPLETE`). Reading is lenient where the meaning is plain (fences, bold, raw line
breaks inside JSON strings) and a FormatError where it is not.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from react_agent.errors import FormatError

STOP = "Observation:"
_MARKER = re.compile(r"^[ \t>*_#]*action[*_ ]*:[*_]*", re.IGNORECASE | re.MULTILINE)
_DONE = re.compile(
    r"^(?P<before>.*?)action:[*_]*\s*task_complete(?P<after>.*)$", re.IGNORECASE | re.MULTILINE
)
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class Action:
    """One tool call."""

    name: str
    arguments: dict[str, Any]


class Done:
    """The agent says that the task is finished."""


def read_reply(text: str) -> Action | Done:
    """The first action of a reply, or Done when the end signal stands before any action.

    Raises FormatError whose text tells the model what was wrong.
    """
    markers = [m for m in _MARKER.finditer(text) if not _says_done(text, m)]
    done = _done_position(text)
    if done is not None and not any(m.start() < done for m in markers):
        return Done()
    complaint = ""
    for marker in markers:
        try:
            return _action_at(text, marker.end())
        except FormatError as error:
            complaint = complaint or str(error)
    if complaint:
        raise FormatError(complaint)
    if not text.strip():
        raise FormatError("Your reply was empty.")
    raise FormatError("Your reply holds neither an `Action:` line nor `ACTION: TASK_COMPLETE`.")


def cut_at_stop(text: str) -> str:
    """Some servers ignore stop sequences; what follows would be an invented observation."""
    return re.split(r"^[ \t]*Observation:", text, maxsplit=1, flags=re.MULTILINE)[0].rstrip()


def without_second_fence(text: str, more: str) -> str:
    """What a reply goes on with, without the fence that some models open once more for it."""
    fences = re.findall(r"^[ \t]*`{3,}[ \t]*(\w*)", text, re.MULTILINE)
    again = re.match(r"\s*`{3,}[ \t]*(\w*)[ \t]*\n", more)
    if len(fences) % 2 == 0 or not again:
        return more
    within_line = not text.endswith(("\n", "\\n", "}", "]"))
    same = bool(again[1]) and again[1].lower() == fences[-1].lower()
    return more[again.end() :] if same or (within_line and not again[1]) else more


def _says_done(text: str, marker: re.Match[str]) -> bool:
    return re.match(r"\s*task_complete", text[marker.end() :], re.IGNORECASE) is not None


def _done_position(text: str) -> int | None:
    """Where the end signal stands as a statement: not fenced, not quoted, last on its line."""
    fenced = [m.span() for m in _FENCE.finditer(text)]
    for match in _DONE.finditer(text):
        before, after = match["before"], match["after"]
        quoted = before.lstrip().startswith(">") or before.rstrip()[-1:] in set("`\"'“‘«(")
        inside = any(start <= match.start() < end for start, end in fenced)
        if not quoted and not inside and not after.strip(" \t.!*_"):
            return match.start() + len(before)
    return None


def _action_at(text: str, position: int) -> Action:
    rest = text[position:].lstrip()
    rest = re.sub(r"\A(`{3,}|~{3,})[^\n{]*\n?", "", rest).lstrip()
    if not rest.startswith("{"):
        raise FormatError("After `Action:` there is no JSON object.")
    try:
        call, _ = _DECODER.raw_decode(rest)
    except ValueError as error:
        raise FormatError(f"The JSON object after `Action:` cannot be read: {error}.") from None
    name = call.get("name")
    if not isinstance(name, str) or not name:
        raise FormatError('The JSON object after `Action:` has no "name" of a tool.')
    return Action(name, _arguments(call))


def _arguments(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    if isinstance(arguments, str):  # some models encode the object once more
        try:
            arguments = _DECODER.decode(arguments)
        except ValueError:
            arguments = None
    if not isinstance(arguments, dict):
        raise FormatError('"arguments" must be a JSON object, such as {"command": "ls"}.')
    return arguments
