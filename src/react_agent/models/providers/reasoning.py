"""Split what a model thought from what it said.

Reasoning comes as a field of its own (`reasoning_content`, `reasoning`), or in the content before
a closing mark such as `</think>`. Rules:

- A text that begins with an opening mark has thought up to the first closing mark of its kind. A
  later one is text: splitting at the last would hide an answer that only mentions the mark, and
  cutting at both loses what lies between.
- `</think>` ends reasoning also where no mark opened it, because the chat template wrote that.
- A mark that a quote, a backtick or a backslash follows is being talked about (`'</think>'`), and
  is passed over; behind an opening mark it still counts when there is no other.
- Blocks that stand one behind the other at the start, and stray closing marks there, all go.
- An opening mark that is never closed makes all of it reasoning: the reply was cut off in thought.
- Beside a reasoning field the content is the answer; only a block at its very start is taken off.
- Once text has begun nothing is taken out of it.
"""

import re
from collections.abc import Mapping
from typing import Any

_CLOSE = "</think>"
MARKS = {
    "<think>": _CLOSE,
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",  # Magistral
    "<|channel>thought": "<channel|>",  # Gemma
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",  # Kimi
    "<|START_THINKING|>": "<|END_THINKING|>",  # Cohere
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
_TALKED_ABOUT = r"""(?!['"`\\])"""
_HARMONY = re.compile(r"<\|channel\|>(\w+)[^<]*<\|message\|>(.*?)(?=<\|channel\|>|\Z)", re.DOTALL)
"""Channels of gpt-oss; `final` is what it said."""
_HARMONY_MARKS = re.compile(r"<\|(?:start|end|return|call)\|>(?:assistant)?")
_STRIPPED_HARMONY = re.compile(
    r"analysis(?=[\sA-Z])(.*?)assistant(?:commentary.*?assistant)?final", re.DOTALL
)
"""The same where the server has taken the marks out and left the names."""
_FIELDS = ("reasoning_content", "reasoning")


def split_reasoning(message: Mapping[str, Any]) -> tuple[str, str]:
    """(text, reasoning) of one chat message; neither ever holds a part of the other."""
    field = reasoning_field(message)
    thoughts = [_plain(message.get(field)) if field else ""]
    text, at, told_apart = _plain(message.get("content")), 0, bool(thoughts[0])
    while True:
        split = _leading_thought(text, at, opener_needed=told_apart)
        if split is None:
            return text[at:], "\n\n".join(part for part in thoughts if part)
        thought, text, at = split
        thoughts.append(thought.strip())
        told_apart = True


def reasoning_field(message: Mapping[str, Any]) -> str:
    """The field of a message that holds reasoning; empty when none does."""
    return next((name for name in _FIELDS if _plain(message.get(name))), "")


def _leading_thought(text: str, at: int, *, opener_needed: bool) -> tuple[str, str, int] | None:
    """The reasoning that stands there, and the text with the place where the rest begins; None
    where there is none. A model that has lost itself writes thousands: none of them is a copy."""
    start = _behind_blanks(text, at)
    if text.startswith(_CLOSE, start):
        return "", text, _behind_blanks(text, start + len(_CLOSE))
    if "<|channel|>" in text[start : start + 80]:
        return *_harmony(text[start:]), 0
    if stripped := _STRIPPED_HARMONY.match(text, start):
        return stripped[1], text, _behind_blanks(text, stripped.end())
    opener = next((mark for mark in MARKS if text.startswith(mark, start)), "")
    if not opener and opener_needed:
        return None
    close, begin = MARKS.get(opener, _CLOSE), start + len(opener)
    unquoted = re.compile(re.escape(close) + _TALKED_ABOUT).search(text, begin)
    end = unquoted.start() if unquoted else text.find(close, begin) if opener else -1
    if end >= 0:
        return text[begin:end], text, _behind_blanks(text, end + len(close))
    return (text[begin:], "", 0) if opener else None


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _harmony(text: str) -> tuple[str, str]:
    channels = [(m[1], _HARMONY_MARKS.sub("", m[2]).strip()) for m in _HARMONY.finditer(text)]
    said = [words for name, words in channels if name == "final"]
    return "\n\n".join(w for name, w in channels if name != "final"), "\n\n".join(said)


def _plain(content: object) -> str:
    """Content as one string; the list form keeps its text parts."""
    if isinstance(content, str):
        # A lone surrogate cannot be stored or sent again.
        return content.encode("utf-8", "replace").decode("utf-8")
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in content)
        return "".join(_plain(part) for part in parts)
    return ""
