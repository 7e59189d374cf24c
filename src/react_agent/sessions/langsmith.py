"""Exports of LangSmith: a JSON or JSON-lines file of runs; a trace is a session.

Fields as docs.langchain.com/langsmith/run-data-format names them; messages in the forms of OpenAI
and of LangChain, serialised or not.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Step
from react_agent.sessions.reading import (
    LineEvidence,
    Row,
    document,
    items,
    mapping,
    rows_of,
    stamped,
    text_of,
    tool_call,
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
            started=root.word("start_time"),
            steps=tuple(_conversation(root, runs)),
            calls={
                run.word("id"): run.tokens(("prompt_tokens",), "completion_tokens", "cached_tokens")
                for run in models
            },
            problems=problems,
        )


def _runs(file: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Also those that stand inside their parents; and what is wrong with lines."""
    problems: tuple[str, ...] = ()
    if file.suffix == ".json":
        value = document(file)
        rows = items(value.get("runs", [value]) if isinstance(value, dict) else value)
    else:
        rows, problems = rows_of(file)
    todo, found = list(reversed(rows)), []
    seen: set[str] = set()
    while todo:
        run = todo.pop()
        known = run.word("id")
        if "run_type" in run and known and known not in seen:
            seen.add(known)
            found.append(run)
            inside = {"trace_id": _trace(run), "parent_run_id": known}
            todo += [Row({**inside, **child}) for child in reversed(run.rows("child_runs"))]
    return found, problems


def _trace(run: Row) -> str:
    return run.word("trace_id") or run.word("id")


def _order(run: Row) -> tuple[str, str]:
    return run.word("dotted_order") or run.word("start_time"), run.word("id")


def _model(run: Row) -> str:
    extra = run.row("extra")
    about, call = extra.row("metadata"), extra.row("invocation_params")
    return about.word("ls_model_name") or call.word("model") or call.word("model_name")


def _conversation(root: Row, runs: Sequence[Row]) -> Iterator[Step]:
    yield from stamped(_opening(root, runs), f"langsmith:{root.word('id')}")
    for run in runs:
        line = f"langsmith:{run.word('id')}"
        if run.get("run_type") == "llm":
            for message in _messages(run.get("outputs")):
                yield from stamped(said(message, "ai"), line)
        elif run.get("run_type") == "tool":
            yield from stamped([_tool(run)], line)
        yield from stamped(_feedback(run), line)
    if root.get("error"):
        abort = Step("abort", root.word("error"), failed=True)
        yield from stamped([abort], f"langsmith:{root.word('id')}")


def _opening(root: Row, runs: Sequence[Row]) -> list[Step]:
    """What was asked: of the whole trace, else of its first call of a model."""
    models = [run for run in runs if run.get("run_type") == "llm"]
    for run in (root, *models[:1]):
        inputs = run.row("inputs")
        steps = [s for m in _messages(inputs) for s in said(m, "human")]
        asked = next((text_of(inputs[key]) for key in ASKED if inputs.get(key)), "")
        if not steps and asked:
            steps = [Step("user", asked)]
        if steps:
            return steps
    return []


def _messages(value: Any) -> list[Row]:
    """Wherever inputs and outputs of a run hold them."""
    if isinstance(value, list):
        return [message for one in value for message in _messages(one)]
    found = Row(value) if isinstance(value, dict) else Row()
    for key in ("messages", "generations", "choices", "message"):
        if isinstance(found.get(key), list | dict):
            return _messages(found[key])
    plain = Row({**found, **found.row("kwargs"), **found.row("data")})
    return [plain] if "content" in plain else []


def _role(message: Row, otherwise: str) -> str:
    kind = message.get("role") or message.get("type")
    if kind == "constructor" and isinstance(message.get("id"), list):
        kind = str(message["id"][-1]).removesuffix("Chunk").removesuffix("Message").lower()
    same = {"user": "human", "assistant": "ai", "developer": "system"}
    return same.get(str(kind), str(kind) if kind else otherwise)


def said(message: Row, otherwise: str = "") -> Iterator[Step]:
    """In the form of OpenAI or of LangChain; `otherwise` is its role where it says none."""
    text, role = message.text("content"), _role(message, otherwise)
    if role == "ai":
        if text:
            yield Step("say", text)
        more = message.row("additional_kwargs").get("tool_calls")
        for call in message.rows("tool_calls") or items(more):
            asked = Row({**(call.row("function") or call), "id": call.get("id")})
            yield tool_call(asked, "args" if asked.get("args") else "arguments")
    elif role == "tool":
        code = message.row("artifact").get("exit_code")
        yield Step(
            "tool_result",
            text,
            call=message.word("tool_call_id"),
            failed=message.get("status") == "error",
            exit_code=code if isinstance(code, int) else None,
        )
    elif text:
        yield Step("user" if role == "human" else "injected", text)


def _tool(run: Row) -> Step:
    outputs, error = run.row("outputs"), run.word("error")
    messages = _messages(outputs.get("output")) or _messages(outputs)
    told = messages[0] if messages else Row()
    text = told.text("content") or outputs.text("output") or text_of(outputs or "")
    return Step(
        "tool_result",
        "\n".join(filter(None, [text, error])),
        name=run.word("name"),
        call=told.word("tool_call_id"),
        failed=bool(error) or told.get("status") == "error",
    )


def _feedback(run: Row) -> Iterator[Step]:
    for key, stats in run.row("feedback_stats").items():
        about = mapping(stats)
        score, why = about.get("avg"), about.text("comments")
        if isinstance(score, int | float):
            yield Step("feedback", f"{key} {score} {why}".strip(), failed=score < BAD)
