"""Read what an agent says: a tool call, or that it is done, or neither.

The protocol is text ReAct (contracts: `Thought:`, then `Action:` and one JSON object, the end is
`ACTION: TASK_COMPLETE`). Reading is lenient where the meaning is plain (fences, bold, raw line
breaks inside JSON strings) and a FormatError where it is not.
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from react_agent.errors import FormatError

STOP = "Observation:"
MOST = 50
"""Markers that are looked behind; a model that has lost itself writes thousands."""
_MARKER = re.compile(r"^[ \t>*_#]*action[*_ ]*:[*_]*", re.IGNORECASE | re.MULTILINE)
_COMPLETE = re.compile(r"\s*task_complete", re.IGNORECASE)
_DONE = re.compile(
    r"^(?P<before>.*?)action:[*_]*\s*[`*_]*task_complete(?P<after>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_EXPLAINED = re.compile(r"[*_`]*(?:[ \t]*[.!:;,(–—-]|[ \t]+(?![a-z]))")
"""How an explanation follows the signal on its line; "... when all is done" speaks of it."""
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_END_TOKEN = re.compile(
    r"(?:<\|[\w ]+\|>|</?s>|<eos>|<end_of_turn>|<turn\|>|<｜[\w▁]+｜>|\[/?INST\])\Z"
)
"""Of chat templates, where the server leaves them in the text."""
_END = "TASK_COMPLETE"
_ONLY_THE_END = re.compile(
    r"[ \t]*[`~]{3,}\w*\s*\**action:\**\s*`?task_complete`?[.!*]*\s*[`~]{3,}\s*", re.IGNORECASE
)
_STRIPPED_THOUGHT = re.compile(r"\s*thought\s*\n")
"""Gemma's mark for reasoning, where the server has taken its brackets out: it has no end."""
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
    text = _without_end_tokens(text.replace("\r\n", "\n"))
    markers = [m for m in _MARKER.finditer(text) if not _says_done(text, m)]
    done = _done_position(text)
    if _STRIPPED_THOUGHT.match(text) and len(markers) + (done is not None) > 1:
        raise FormatError("Your reply holds your thoughts, and several actions. Give one action.")
    if done is not None and not any(m.start() < done for m in markers):
        return Done()
    complaint = ""
    for marker in markers[:MOST]:
        try:
            action = _action_at(text, marker.end())
            return Done() if action.name.upper() == _END else action
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


def _without_end_tokens(text: str) -> str:
    end = _before_blanks(text, len(text))
    while match := _END_TOKEN.search(text, max(0, end - 40), end):
        end = _before_blanks(text, match.start())
    return text[:end]


def _before_blanks(text: str, end: int) -> int:
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _says_done(text: str, marker: re.Match[str]) -> bool:
    return _COMPLETE.match(text, marker.end()) is not None


def _done_position(text: str) -> int | None:
    """Where the end signal stands as a statement: last on its line, or first on it with an
    explanation behind; not quoted or fenced, unless the quotes hold the whole line and the fence
    all that the reply ends with."""
    fenced = [m.span() for m in _FENCE.finditer(text)]
    starts = [start for start, _ in fenced]
    for match in _DONE.finditer(text):
        before, after = match["before"], match["after"]
        quoted = before.lstrip().startswith(">") or before.rstrip()[-1:] in set("`\"'“‘«(")
        if before.strip(" \t*_") == "`" and after.strip(" \t.!*_") == "`":
            quoted, after = False, ""
        start, end = fenced[bisect_right(starts, match.start()) - 1] if fenced else (0, 0)
        inside = start <= match.start() < end and not _ONLY_THE_END.fullmatch(text, start)
        explained = not before.strip(" \t*_#") and _EXPLAINED.match(after)
        if not quoted and not inside and (explained or not after.strip(" \t\r.!*_`")):
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
