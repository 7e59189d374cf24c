"""Sessions of Codex: `sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl` in its home.

Each line is {timestamp, type, payload}; what the model saw and said are its `response_item`s.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from react_agent.evidence import Reference, Session, Step
from react_agent.model import Usage
from react_agent.sessions.reading import (
    LineEvidence,
    Row,
    first,
    mapping,
    rows_of,
    stamped,
    text_of,
)

_BY_CLIENT = re.compile(r"\A\s*(<[a-z_]+>|# AGENTS\.md)")
_EXIT = re.compile(r"(?:exited with code|Exit code:?) (-?\d+)")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_OPENS_SKILL = re.compile(r"([\w.-]{1,64})/SKILL\.md\b")
COUNTS = (("input_tokens",), "output_tokens", "cached_input_tokens")
CALLS = ("function_call", "custom_tool_call", "local_shell_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output")


class Codex(LineEvidence):
    name = "codex"

    @classmethod
    def usual(cls) -> list[Path]:
        home = os.environ.get("CODEX_HOME") or Path.home() / ".codex"
        return [Path(home) / "sessions"]

    def knows(self, rows: Sequence[Row]) -> bool:
        kinds = {row.word("type") for row in rows if isinstance(row.get("payload"), dict)}
        return bool(kinds & {"session_meta", "response_item"})

    def named(self, file: Path) -> str:
        found = _ID.search(file.stem)
        return found[0] if found else file.stem

    def read(self, reference: Reference) -> Session:
        rows, problems = rows_of(reference.file)
        about = [row.row("payload") for row in rows if row.get("type") == "session_meta"]
        turns = [row.row("payload") for row in rows if row.get("type") == "turn_context"]
        return Session(
            reference,
            version=first(about, "cli_version"),
            model=first(turns, "model") or first(about, "model"),
            cwd=first(about, "cwd") or first(turns, "cwd"),
            started=first(rows, "timestamp"),
            steps=tuple(step for row in rows for step in stamped(_steps(row), row.line)),
            calls=dict(_calls(rows)),
            status="infrastructure" if _ended_by_endpoint(rows) else "completed",
            problems=problems,
        )


def _calls(rows: Sequence[Row]) -> Iterator[tuple[str, Usage]]:
    """Counts of single calls; events that only repeat the sum do not grow it."""
    total = -1
    for row in rows:
        payload = row.row("payload")
        info = payload.row("info")
        if row.get("type") != "event_msg" or payload.get("type") != "token_count" or not info:
            continue
        sums = info.row("total_token_usage")
        reached = sums.number("total_tokens") or sums.number("input_tokens")
        counts = info.row("last_token_usage")
        if counts and reached != total:
            total = reached
            yield row.line, counts.tokens(*COUNTS)
    if total < 0:
        yield from _records(rows)


def _records(rows: Iterable[Row]) -> Iterator[tuple[str, Usage]]:
    """Where there are no events: `token_usage_record`s, by the response that they are of."""
    for row in rows:
        if row.get("type") == "token_usage_record":
            payload = row.row("payload")
            for counts in (payload, *map(mapping, payload.values())):
                if "input_tokens" in counts:
                    yield payload.word("response_id") or row.line, counts.tokens(*COUNTS)
                    break


def _ended_by_endpoint(rows: Sequence[Row]) -> bool:
    events = [row.row("payload").get("type") for row in rows if row.get("type") == "event_msg"]
    ends = [event for event in events if event in ("error", "task_complete", "turn_aborted")]
    return ends[-1:] == ["error"]


def _steps(row: Row) -> Iterator[Step]:
    payload = row.row("payload")
    kind = payload.get("type")
    if row.get("type") == "event_msg" and kind == "turn_aborted":
        yield Step("abort", payload.word("reason") or "aborted")
    if row.get("type") != "response_item":
        return
    if kind == "message":
        yield from _message(payload)
    elif kind == "reasoning":
        if text := payload.text("summary") or payload.text("content"):
            yield Step("thought", text)
    elif kind in CALLS:
        yield _call(payload)
    elif kind in OUTPUTS:
        yield _result(payload)


def _message(payload: Row) -> Iterator[Step]:
    text = payload.text("content")
    if payload.get("role") == "assistant":
        yield Step("say", text)
    elif text:
        typed = payload.get("role") == "user" and not _BY_CLIENT.match(text)
        yield Step("user" if typed else "injected", text)


def _call(payload: Row) -> Step:
    """A skill is opened by reading its file with the shell."""
    given = payload.get("arguments", payload.get("input", payload.get("action")))
    arguments = mapping(given) or ({"input": text_of(given)} if given else {})
    skill = _OPENS_SKILL.search(text_of(arguments.get("cmd") or arguments.get("command")))
    return Step(
        "skill_load" if skill else "tool_call",
        name=skill[1] if skill else payload.word("name") or "local_shell",
        arguments=arguments,
        call=payload.word("call_id"),
    )


def _result(payload: Row) -> Step:
    output = payload.get("output")
    told = mapping(output)
    text = text_of(told.get("output", told.get("content"))) if told else text_of(output)
    code = told.row("metadata").get("exit_code")
    said = _EXIT.search(text[:2000])
    if not isinstance(code, int) and said:
        code = int(said[1])
    return Step(
        "tool_result",
        text,
        call=payload.word("call_id"),
        failed=told.get("success") is False,
        denied="rejected by user" in text[:200],
        exit_code=code if isinstance(code, int) else None,
    )
