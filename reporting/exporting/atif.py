"""Trajectories in the Agent Trajectory Interchange Format, as its RFC 0001 describes v1.4
(github.com/laude-institute/harbor, docs/rfcs/0001-trajectory-format.md)."""

from collections.abc import Iterator, Sequence
from typing import Any

from react_agent.errors import FormatError
from react_agent.loop.replies import Action, Done, read_reply
from reporting.exporting.rows import SaidRow, TrajectoryRow
from reporting.runs.steps import thought_of

VERSION = "ATIF-v1.4"
OBSERVATION = "Observation:"
SOURCES = {"system": "system", "user": "user", "assistant": "agent"}
OWN = ("run", "task_id", "case", "seed", "status", "outcome", "error", "signals")
"""Fields of ours that the format has no place for."""


def as_atif(row: TrajectoryRow) -> dict[str, Any]:
    """One trajectory; a tool's result stands in the step that called it."""
    steps = list(_steps(row.messages))
    name = "/".join(filter(None, (row.run, row.task_id, row.case)))
    return {
        "schema_version": VERSION,
        "session_id": name,
        "agent": {
            "name": row.agent or "agent",
            "version": "unknown",
            **({"model_name": row.model} if row.model else {}),
        },
        "steps": steps,
        "final_metrics": {
            "total_prompt_tokens": row.prompt_tokens,
            "total_completion_tokens": row.completion_tokens,
            "total_cached_tokens": row.cached_tokens,
            "total_steps": len(steps),
        },
        "extra": row.model_dump(mode="json", include=set(OWN)),
    }


def _steps(messages: Sequence[SaidRow]) -> Iterator[dict[str, Any]]:
    step: dict[str, Any] | None = None
    number = 0
    for message in messages:
        answers = message.role == "user" and message.content.startswith(OBSERVATION)
        if answers and step and "tool_calls" in step and "observation" not in step:
            result = message.content.removeprefix(OBSERVATION).removeprefix("\n")
            call = step["tool_calls"][0]["tool_call_id"]
            step["observation"] = {"results": [{"source_call_id": call, "content": result}]}
            continue
        if step:
            yield step
        number += 1
        step = {"step_id": number, "source": SOURCES[message.role], **_said(message, number)}
    if step:
        yield step


def _said(message: SaidRow, number: int) -> dict[str, Any]:
    """A reply that cannot be read stays as it was said."""
    if message.role != "assistant":
        return {"message": message.content}
    try:
        action: Action | Done = read_reply(message.content)
    except FormatError:
        return {"message": message.content}
    thought = {"message": thought_of(message.content)}
    if isinstance(action, Done):
        return thought
    call = {
        "tool_call_id": f"call_{number}",
        "function_name": action.name,
        "arguments": action.arguments,
    }
    return {**thought, "tool_calls": [call]}
