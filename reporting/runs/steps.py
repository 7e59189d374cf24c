"""A trajectory log as steps: what the agent thought, what it ran, what it saw."""

import re
from typing import Any

from react_agent.errors import FormatError
from react_agent.loop.replies import Action, Done, read_reply
from react_agent.model import Message
from react_agent.runs.logs import Log
from react_agent.text import cut_middle

MAX_TEXT = 20_000
"""Characters shown of one command or observation; agents see at most 6,000 of an observation."""
_ACTION = re.compile(r"^[ \t>*_#]*action[*_ ]*:", re.IGNORECASE | re.MULTILINE)
_THOUGHT = re.compile(r"\A\s*[*_#]*thought[*_ ]*:[*_]*\s*", re.IGNORECASE)


def opening(log: Log) -> tuple[str, str]:
    """The system prompt and the task, as the agent was given them."""
    system = next((m.text for m in log.messages[:1] if m.role == "system"), "")
    task = next((m.text for m in log.messages[:2] if m.role == "user"), "")
    return system, task


def steps_of(log: Log) -> list[dict[str, Any]]:
    """One entry for each reply, with the message that came back for it."""
    first = next((i for i, m in enumerate(log.messages) if m.role == "assistant"), None)
    if first is None:
        return []
    steps: list[dict[str, Any]] = []
    for message in log.messages[first:]:
        if message.role == "assistant":
            steps.append(_reply(message.text))
        elif steps:
            _answer(steps[-1], message)
    return steps


def thought_of(reply: str) -> str:
    """What stands before the action."""
    marker = _ACTION.search(reply)
    return _THOUGHT.sub("", reply[: marker.start()] if marker else reply).strip()


def _reply(text: str) -> dict[str, Any]:
    step: dict[str, Any] = {"thought": _cut(thought_of(text))}
    try:
        action = read_reply(text)
    except FormatError as error:
        return {"thought": "", "raw": _cut(text), "problem": str(error)}
    if isinstance(action, Done):
        return {**step, "done": True}
    return {**step, "tool": action.name, "command": _cut(_command(action))}


def _command(action: Action) -> str:
    if set(action.arguments) == {"command"}:
        return str(action.arguments["command"])
    return "\n".join(f"{name}: {value}" for name, value in action.arguments.items())


def _answer(step: dict[str, Any], message: Message) -> None:
    text = message.text
    kind = "observation" if text.startswith("Observation:") else "note"
    text = text.removeprefix("Observation:").lstrip("\n")
    step[kind] = _cut("\n".join(filter(None, [step.get(kind, ""), text])))


def _cut(text: str) -> str:
    return cut_middle(text, MAX_TEXT)
