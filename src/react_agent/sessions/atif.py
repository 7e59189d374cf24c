"""Trajectories in the Agent Trajectory Interchange Format: a JSON document each.

Fields as its RFC 0001 names them (github.com/laude-institute/harbor); `trace2skill export` writes
the same.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Step, StepKind
from react_agent.model import Usage
from react_agent.sessions.reading import (
    DocumentEvidence,
    Row,
    first,
    items,
    mapping,
    text_of,
    tokens,
    word,
)

KINDS: dict[str, StepKind] = {"user": "user", "agent": "say", "system": "injected"}
SENT, RECEIVED, CACHED = ("prompt_tokens",), "completion_tokens", "cached_tokens"


class Atif(DocumentEvidence):
    name = "atif"

    def ids(self, value: Row, file: Path) -> Sequence[str]:
        known = word(value.get("schema_version")).startswith("ATIF")
        return [word(value.get("session_id")) or file.stem] if known else []

    def read(self, reference: Reference) -> Session:
        value = self.load(reference.file)
        if reference.id not in self.ids(value, reference.file):
            raise ContractError(f"{reference.file}: holds no trajectory {reference.id}")
        agent, told = mapping(value.get("agent")), items(value.get("steps"))
        return Session(
            reference,
            version=word(agent.get("version")),
            model=first([agent, *told], "model_name"),
            started=first(told, "timestamp"),
            steps=tuple(
                step
                for number, one in enumerate(told)
                for step in _steps(one, f"{reference.id}:{one.get('step_id', number)}")
            ),
            calls={f"{reference.id} {k}": used for k, used in _calls(value, told).items()},
        )


def _steps(told: dict[str, Any], line: str) -> Iterator[Step]:
    """`line` is no other trajectory's: what two have is counted once."""
    time = word(told.get("timestamp"))
    thought = word(told.get("reasoning_content"))
    if thought:
        yield Step("thought", thought, time=time, line=line)
    if text := text_of(told.get("message")):
        yield Step(KINDS.get(word(told.get("source")), "injected"), text, time=time, line=line)
    for call in items(told.get("tool_calls")):
        yield Step(
            "tool_call",
            name=word(call.get("function_name")),
            arguments=mapping(call.get("arguments")),
            call=word(call.get("tool_call_id")),
            time=time,
            line=line,
        )
    for result in items(mapping(told.get("observation")).get("results")):
        text, called = text_of(result.get("content")), word(result.get("source_call_id"))
        yield Step("tool_result", text, call=called, time=time, line=line)


def _calls(value: Row, told: Sequence[Row]) -> dict[str, Usage]:
    """By step; where steps say nothing, what the end says of all of them."""
    calls = {
        f"step {number}": tokens(metrics, SENT, RECEIVED, CACHED)
        for number, one in enumerate(told)
        if (metrics := mapping(one.get("metrics")))
    }
    whole = mapping(value.get("final_metrics"))
    sent, received = f"total_{SENT[0]}", f"total_{RECEIVED}"
    return calls or {"all": tokens(whole, (sent,), received, f"total_{CACHED}")}
