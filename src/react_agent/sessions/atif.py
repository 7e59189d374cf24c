"""Trajectories in the Agent Trajectory Interchange Format: a JSON document each.

Fields as its RFC 0001 names them (github.com/laude-institute/harbor); `trace2skill export` writes
the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from react_agent.evidence import Reference, Session, Step, StepKind
from react_agent.model import Usage
from react_agent.sessions.reading import (
    DocumentEvidence,
    Row,
    document,
    first,
    mapping,
    stamped,
    tool_call,
)

KINDS: dict[str, StepKind] = {"user": "user", "agent": "say", "system": "injected"}
SENT, RECEIVED, CACHED = ("prompt_tokens",), "completion_tokens", "cached_tokens"


class Atif(DocumentEvidence):
    name = "atif"

    def sessions(self, file: Path) -> Mapping[str, Row]:
        value = mapping(document(file))
        known = value.word("schema_version").startswith("ATIF")
        return {value.word("session_id") or file.stem: value} if known else {}

    def read(self, reference: Reference) -> Session:
        value = self.one(reference)
        agent, told = value.row("agent"), value.rows("steps")
        return Session(
            reference,
            version=agent.word("version"),
            model=first([agent, *told], "model_name"),
            started=first(told, "timestamp"),
            steps=tuple(
                step
                for number, one in enumerate(told)
                for step in stamped(
                    _steps(one),
                    # No other trajectory's, as what two have is counted once.
                    f"{reference.id}:{one.get('step_id', number)}",
                )
            ),
            calls={f"{reference.id} {k}": used for k, used in _calls(value, told).items()},
        )


def _steps(told: Row) -> Iterator[Step]:
    if thought := told.word("reasoning_content"):
        yield Step("thought", thought)
    if text := told.text("message"):
        yield Step(KINDS.get(told.word("source"), "injected"), text)
    for call in told.rows("tool_calls"):
        yield tool_call(call, "arguments", "function_name", "tool_call_id")
    for result in told.row("observation").rows("results"):
        called = result.word("source_call_id")
        yield Step("tool_result", result.text("content"), call=called)


def _calls(value: Row, told: Sequence[Row]) -> dict[str, Usage]:
    """By step; where steps say nothing, what the end says of all of them."""
    calls = {
        f"step {number}": metrics.tokens(SENT, RECEIVED, CACHED)
        for number, one in enumerate(told)
        if (metrics := one.row("metrics"))
    }
    whole = value.row("final_metrics")
    sent, received = f"total_{SENT[0]}", f"total_{RECEIVED}"
    return calls or {"all": whole.tokens((sent,), received, f"total_{CACHED}")}
