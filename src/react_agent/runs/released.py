"""Trajectory logs as the paper's released code writes them: what they say, in this toolkit's terms.

Markdown has a `# Chat History` head, messages with a rule below each, and last a RESULT section
with `- Success: True`, `- Total Turns: 3` and, where something went wrong, `- Error: ...`. In
jsonl each line names its type: session_start, message, result.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from react_agent.model import Message
from react_agent.seams import Status

_HEAD = re.compile(r"# Chat History\b")
_RESULT = re.compile(
    r"^## RESULT\s*\n+- Success: (True|False)\s*\n- Total Turns: (\d+)[ \t]*"
    r"(?:\n- Error: (.*))?\s*\Z",
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(r"^## \[(\d+)\] (SYSTEM|USER|ASSISTANT)[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"\n+---\s*\Z")
_TYPES = ("session_start", "message", "result")

_ENDPOINT = re.compile(r"error code: \d|connection|time[d -]*out|'choices'|rate limit", re.I)
_WINDOW = re.compile(r"context[ _-]?(length|window)|maximum context", re.I)

Read = tuple[tuple[Message, ...], dict[str, Any], str]
"""Messages, result and title. A log that was broken off has no result."""


def is_markdown(text: str) -> bool:
    return bool(_HEAD.match(text)) or _result(text) is not None


def from_markdown(text: str) -> Read:
    """Headings in a message are told from the log's own by their number, which is the next."""
    last = _result(text)
    body = text[: last.start()] if last else text
    sections: list[re.Match[str]] = []
    for found in _SECTION.finditer(body):
        if int(found[1]) == len(sections) + 1:
            sections.append(found)
    ends = [*(s.start() for s in sections[1:]), len(body)][: len(sections)]
    messages = tuple(
        _message(section[2].lower(), _RULE.sub("", body[section.end() : end].strip("\n")))
        for section, end in zip(sections, ends, strict=True)
    )
    title = text.split("\n", 1)[0].removeprefix("# ") if _HEAD.match(text) else ""
    result = _outcome(last[1] == "True", int(last[2]), last[3] or "") if last else {}
    return messages, result, title


def is_lines(lines: Sequence[Any]) -> bool:
    return any(isinstance(line, dict) and line.get("type") in _TYPES for line in lines)


def from_lines(lines: Sequence[Mapping[str, Any]]) -> Read:
    messages: list[Message] = []
    result: dict[str, Any] = {}
    title = ""
    for line in lines:
        if line.get("type") == "session_start":
            title = f"Chat History: {line.get('agent_name', '')}"
        elif line.get("type") == "result":
            error = str(line.get("error") or "")
            result = _outcome(line.get("success") is True, int(line.get("total_turns", 0)), error)
        elif line.get("type") == "message":
            messages.append(_message(str(line["role"]), str(line["content"])))
    return tuple(messages), result, title


def status_of(error: str) -> Status:
    """How a run ended, by the words that the released code has for it. An exception is not the
    agent's doing, whatever its text, unless the model's window was full."""
    if error.startswith("Max turns exceeded"):
        return "out_of_turns"
    if not error.startswith(("Exception during", "Error:")):
        return "completed"
    if _WINDOW.search(error):
        return "context_overflow"
    return "infrastructure" if _ENDPOINT.search(error) else "crash"


def _result(text: str) -> re.Match[str] | None:
    """The last section; an agent may have printed such a one before."""
    return _RESULT.search(text, max(text.rfind("\n## RESULT"), 0))


def _outcome(success: bool, turns: int, error: str) -> dict[str, Any]:
    error = error.strip()
    return {"success": success, "status": status_of(error), "turns": turns, "error": error}


def _message(role: str, content: str) -> Message:
    """Observations in their fence, or behind the word in one line, as in this toolkit's logs."""
    fenced = re.match(r"\AObservation:\n(`{3,})\n(.*)\n\1\s*\Z", content, re.DOTALL)
    if fenced:
        content = f"Observation:\n{fenced[2]}"
    elif content.startswith("Observation: "):
        content = content.replace("Observation: ", "Observation:\n", 1)
    return Message.model_validate({"role": role, "content": content})
