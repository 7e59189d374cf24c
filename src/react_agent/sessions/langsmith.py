"""Exports of LangSmith: a JSON or JSON-lines file of runs; a trace is a session.

Fields as docs.langchain.com/langsmith/run-data-format names them; messages in the forms of OpenAI
and of LangChain, serialised or not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Step
from react_agent.model import Usage
from react_agent.sessions.reading import (
    LineEvidence,
    Row,
    document,
    first,
    items,
    mapping,
    rows_of,
    stamped,
    text_of,
    tokens,
    tool_call,
    word,
)

ASKED = ("input", "question", "query", "prompt")
BAD = 0.5
"""A score below it is a complaint."""


class LangSmith(LineEvidence):
    name = "langsmith"
    suffixes = (".jsonl", ".json")

    def knows(self, rows: Sequence[Row]) -> bool:
        return any("run_type" in row and "id" in row for row in rows)

    def ids(self, file: Path) -> Iterable[str]:
        ours = file.suffix == ".json" or super().ids(file)
        return filter(None, map(_trace, _runs(file)[0])) if ours else ()

    def read(self, reference: Reference) -> Session:
        found, problems = _runs(reference.file)
        runs = sorted((r for r in found if _trace(r) == reference.id), key=_order)
        if not runs:
            raise ContractError(f"{reference.file}: holds no trace {reference.id}")
        root = next((r for r in runs if not r.get("parent_run_id")), runs[0])
        models = [r for r in runs if r.get("run_type") == "llm"]
        return Session(
            reference,
            model=next(filter(None, map(_model, models)), ""),
            started=first([root], "start_time"),
            steps=tuple(_conversation(root, runs)),
            calls={word(r.get("id")): _usage(r) for r in models},
            problems=problems,
        )


def _runs(file: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Also those that stand inside their parents; and what is wrong with lines."""
    rows, problems = (_whole(file), ()) if file.suffix == ".json" else rows_of(file)
    todo, found = list(reversed(rows)), []
    seen: set[str] = set()
    while todo:
        run = todo.pop()
        known = word(run.get("id"))
        if "run_type" in run and known and known not in seen:
            seen.add(known)
            found.append(run)
            inside = {"trace_id": _trace(run), "parent_run_id": known}
            todo += [{**inside, **child} for child in reversed(items(run.get("child_runs")))]
    return found, problems


def _whole(file: Path) -> list[dict[str, Any]]:
    value = document(file)
    if isinstance(value, dict):
        value = value.get("runs", [value])
    return items(value)


def _trace(run: Row) -> str:
    return word(run.get("trace_id")) or word(run.get("id"))


def _order(run: Row) -> tuple[str, str]:
    return word(run.get("dotted_order")) or word(run.get("start_time")), word(run.get("id"))


def _model(run: Row) -> str:
    extra = mapping(run.get("extra"))
    about, call = mapping(extra.get("metadata")), mapping(extra.get("invocation_params"))
    return first([about], "ls_model_name") or first([call], "model") or first([call], "model_name")


def _usage(run: Row) -> Usage:
    return tokens(run, ("prompt_tokens",), "completion_tokens", "cached_tokens")


def _conversation(root: Row, runs: Sequence[Row]) -> Iterator[Step]:
    yield from stamped(_opening(root, runs), f"langsmith:{word(root.get('id'))}")
    for run in runs:
        line = f"langsmith:{word(run.get('id'))}"
        if run.get("run_type") == "llm":
            for message in _messages(run.get("outputs")):
                yield from stamped(_said(message, "ai"), line)
        elif run.get("run_type") == "tool":
            yield from stamped([_tool(run)], line)
        yield from stamped(_feedback(run), line)
    if root.get("error"):
        abort = Step("abort", word(root.get("error")), failed=True)
        yield from stamped([abort], f"langsmith:{word(root.get('id'))}")


def _opening(root: Row, runs: Sequence[Row]) -> list[Step]:
    """What was asked: of the whole trace, else of its first call of a model."""
    models = [run for run in runs if run.get("run_type") == "llm"]
    for run in (root, *models[:1]):
        inputs = mapping(run.get("inputs"))
        steps = [s for m in _messages(inputs) for s in _said(m, "human")]
        asked = next((text_of(inputs[key]) for key in ASKED if inputs.get(key)), "")
        if not steps and asked:
            steps = [Step("user", asked)]
        if steps:
            return steps
    return []


def _messages(value: Any) -> list[dict[str, Any]]:
    """Wherever inputs and outputs of a run hold them."""
    if isinstance(value, list):
        return [message for one in value for message in _messages(one)]
    found = mapping(value) if isinstance(value, dict) else {}
    for key in ("messages", "generations", "choices", "message"):
        if isinstance(found.get(key), list | dict):
            return _messages(found[key])
    plain = {**found, **mapping(found.get("kwargs")), **mapping(found.get("data"))}
    return [plain] if "content" in plain else []


def _role(message: Row, otherwise: str) -> str:
    kind = message.get("role") or message.get("type")
    if kind == "constructor" and isinstance(message.get("id"), list):
        kind = str(message["id"][-1]).removesuffix("Chunk").removesuffix("Message").lower()
    same = {"user": "human", "assistant": "ai", "developer": "system"}
    return same.get(str(kind), str(kind) if kind else otherwise)


def _said(message: Row, otherwise: str) -> Iterator[Step]:
    text, role = text_of(message.get("content")), _role(message, otherwise)
    if role == "ai":
        if text:
            yield Step("say", text)
        more = mapping(message.get("additional_kwargs")).get("tool_calls")
        for call in items(message.get("tool_calls")) or items(more):
            asked = mapping(call.get("function")) or call
            yield tool_call(
                {**asked, "id": call.get("id")}, "args" if asked.get("args") else "arguments"
            )
    elif role == "tool":
        called = word(message.get("tool_call_id"))
        yield Step("tool_result", text, call=called, failed=message.get("status") == "error")
    elif text:
        yield Step("user" if role == "human" else "injected", text)


def _tool(run: Row) -> Step:
    name, outputs = word(run.get("name")), mapping(run.get("outputs"))
    said = _messages(outputs.get("output")) or _messages(outputs)
    told: Mapping[str, Any] = said[0] if said else {}
    text = text_of(told.get("content")) or text_of(outputs.get("output")) or text_of(outputs or "")
    error = word(run.get("error"))
    return Step(
        "tool_result",
        "\n".join(filter(None, [text, error])),
        name=name,
        call=word(told.get("tool_call_id")),
        failed=bool(error) or told.get("status") == "error",
    )


def _feedback(run: Row) -> Iterator[Step]:
    for key, stats in mapping(run.get("feedback_stats")).items():
        score = mapping(stats).get("avg")
        if isinstance(score, int | float):
            said = text_of(mapping(stats).get("comments"))
            yield Step("feedback", f"{key} {score} {said}".strip(), failed=score < BAD)
