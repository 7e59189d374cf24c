"""Sessions of Qwen Code: `projects/<folder>/chats/<session>.jsonl` in `~/.qwen`.

Messages have parts as Gemini's interface has them: texts, functionCall, functionResponse.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from react_agent.evidence import Reference, Session, Step
from react_agent.sessions.reading import (
    LineEvidence,
    Row,
    first,
    opened,
    rows_of,
    stamped,
    text_of,
    tool_call,
)

_DENIED = ("cancel", "denied", "rejected")


class QwenCode(LineEvidence):
    name = "qwen-code"

    @classmethod
    def usual(cls) -> list[Path]:
        return [Path.home() / ".qwen" / "projects"]

    def knows(self, rows: Sequence[Row]) -> bool:
        return any(
            "sessionId" in row and isinstance(row.row("message").get("parts"), list) for row in rows
        )

    def read(self, reference: Reference) -> Session:
        rows, problems = rows_of(reference.file)
        counted = {
            row.line: row.row("usageMetadata").tokens(
                ("promptTokenCount",),
                "candidatesTokenCount",
                "cachedContentTokenCount",
            )
            for row in rows
            if row.get("type") == "assistant" and row.row("usageMetadata")
        }
        return Session(
            reference,
            version=first(rows, "version"),
            model=first(rows, "model"),
            cwd=first(rows, "cwd"),
            started=first(rows, "timestamp"),
            steps=opened([s for row in rows for s in stamped(_steps(row), row.line)], "skill"),
            calls=counted,
            status="infrastructure" if _ended_by_endpoint(rows) else "completed",
            problems=problems,
        )


def _ended_by_endpoint(rows: Sequence[Row]) -> bool:
    """The client writes the endpoint's failure as if the model had said it."""
    last = next((r for r in reversed(rows) if r.get("type") in ("user", "assistant")), Row())
    said = text_of(last.row("message").rows("parts"))
    return last.get("type") == "assistant" and said.lstrip().startswith("[API Error:")


def _steps(row: Row) -> Iterator[Step]:
    """Rows of telemetry have no message."""
    by_agent = row.get("type") == "assistant"
    for part in row.row("message").rows("parts"):
        call, answer = part.row("functionCall"), part.row("functionResponse")
        text = part.word("text")
        if call:
            yield tool_call(call, "args")
        elif answer:
            yield _result(row, answer)
        elif text and by_agent:
            yield Step("thought" if part.get("thought") else "say", text)
        elif text:
            typed = row.get("type") == "user" and not text.lstrip().startswith("<system-reminder>")
            yield Step("user" if typed else "injected", text)


def _result(row: Row, answer: Row) -> Step:
    response = answer.row("response")
    status = row.row("toolCallResult").word("status")
    error = response.get("error")
    text = text_of(response.get("output") or error or response)
    denied = status in ("cancelled", "canceled") or (
        bool(error) and any(one in text[:200].lower() for one in _DENIED)
    )
    code = next((x for x in text.splitlines()[:40] if x.startswith("Exit Code: ")), "")
    told = code.removeprefix("Exit Code: ").strip()
    return Step(
        "tool_result",
        text,
        name=answer.word("name"),
        call=answer.word("id"),
        failed=bool(error) or status == "error",
        denied=denied,
        exit_code=int(told) if told.isdecimal() and len(told) < 10 else None,
    )
