"""Split what a model thought from what it said.

Reasoning comes as a field of its own (`reasoning_content`, `reasoning`), or in the content before
`</think>`, where the opening tag may be missing because the chat template wrote it. Rules:

- The *first* closing tag ends the reasoning. A later one is text: splitting at the last would
  hide an answer that only mentions the tag, and cutting at both loses what lies between.
- A tag that a quote, a backtick or a backslash follows is being talked about (`'</think>'`), and
  is passed over; behind an opening tag it still counts when there is no other.
- Blocks that stand one behind the other at the start, and stray closing tags there, all go.
- An opening tag that is never closed makes all of it reasoning: the reply was cut off in thought.
- Beside a reasoning field the content is the answer; only a block at its very start is taken off.
- Once text has begun nothing is taken out of it.
"""

import re
from collections.abc import Mapping
from typing import Any

_OPEN = "<think>"
_CLOSE = "</think>"
_UNQUOTED_CLOSE = re.compile(_CLOSE + r"""(?!['"`\\])""")
_FIELDS = ("reasoning_content", "reasoning")


def split_reasoning(message: Mapping[str, Any]) -> tuple[str, str]:
    """(text, reasoning) of one chat message; neither ever holds a part of the other."""
    thoughts = [next((t for name in _FIELDS if (t := _plain(message.get(name)))), "")]
    text, told_apart = _plain(message.get("content")), bool(thoughts[0])
    while True:
        split = _leading_thought(text, opener_needed=told_apart)
        if split is None:
            return text, "\n\n".join(part for part in thoughts if part)
        thought, text = split
        thoughts.append(thought.strip())
        told_apart = True


def _leading_thought(text: str, *, opener_needed: bool) -> tuple[str, str] | None:
    """The reasoning that the text starts with, and the rest; None when it starts with none."""
    start = text.lstrip()
    if start.startswith(_CLOSE):
        return "", start[len(_CLOSE) :].lstrip()
    opened = start.startswith(_OPEN)
    if not opened and opener_needed:
        return None
    begin = len(_OPEN) if opened else 0
    close = _UNQUOTED_CLOSE.search(start, begin)
    end = close.start() if close else start.find(_CLOSE, begin) if opened else -1
    if end >= 0:
        return start[begin:end], start[end + len(_CLOSE) :].lstrip()
    return (start[begin:], "") if opened else None


def _plain(content: object) -> str:
    """Content as one string; the list form keeps its text parts."""
    if isinstance(content, str):
        # A lone surrogate cannot be stored or sent again.
        return content.encode("utf-8", "replace").decode("utf-8")
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(_plain(part) for part in parts)
    return ""
