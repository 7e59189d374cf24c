"""Sessions of Claude Code: `projects/<folder>/<session>.jsonl` below its configuration folder.

Subagents and outputs that were too long lie beside, in a folder of the session's name. The format
is undocumented and grows with each version, so what is not known is passed over.
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
    items,
    opened,
    rows_of,
    stamped,
    text_of,
    tool_call,
    word,
)

LONGEST = 400_000
"""Characters of an output that was laid aside."""
SENT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_ASIDE = re.compile(r"saved to: (?P<path>\S[^\n]*)")
_INTERRUPTED = "[Request interrupted by user"
_DENIED = re.compile(r"\A(The user doesn't want to|Permission to use \S+ .*denied)", re.DOTALL)
_BY_CLIENT = ("<system-reminder>", "<command-", "<local-command", "Caveat: ", "<task-notification")
_EXIT = re.compile(r"\A(?:Error: )?Exit code (\d+)")


class ClaudeCode(LineEvidence):
    name = "claude-code"

    @classmethod
    def usual(cls) -> list[Path]:
        config = os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude"
        return [Path(config) / "projects"]

    def knows(self, rows: Sequence[Row]) -> bool:
        """A subagent's file is a part of another session."""
        said = [r for r in rows if r.get("type") in ("user", "assistant") and "sessionId" in r]
        ours = any("content" in row.row("message") for row in said)
        return ours and not all(row.get("isSidechain") for row in said)

    def read(self, reference: Reference) -> Session:
        rows, problems = rows_of(reference.file)
        beside = reference.file.with_suffix("")
        main = [row for row in rows if not row.get("isSidechain")]
        sides: dict[str, list[Row]] = {}
        for row in rows:
            if row.get("isSidechain"):
                sides.setdefault(row.word("agentId") or "subagent", []).append(row)
        for file in sorted((beside / "subagents").glob("*.jsonl")):
            more, torn = rows_of(file)
            problems += torn
            sides.setdefault(file.stem.removeprefix("agent-"), []).extend(more)
        calls = dict(_calls(row for some in (main, *sides.values()) for row in some))
        return Session(
            reference,
            version=first(main, "version"),
            model=_model(main),
            cwd=first(main, "cwd"),
            started=first(main, "timestamp"),
            steps=opened(list(_steps(main, beside)), "Skill"),
            sides={name: tuple(_steps(some, beside)) for name, some in sides.items()},
            calls=calls,
            status="infrastructure" if _ended_by_endpoint(main) else "completed",
            problems=problems,
        )


def _calls(rows: Iterable[Row]) -> Iterator[tuple[str, Usage]]:
    """A message has a line for each of its parts; the last has the final count."""
    for row in rows:
        message = row.row("message")
        known = message.word("id")
        if row.get("type") == "assistant" and known and not row.get("isApiErrorMessage"):
            counts = message.row("usage")
            yield known, counts.tokens(SENT, "output_tokens", "cache_read_input_tokens")


def _model(rows: Iterable[Row]) -> str:
    named = (row.row("message").word("model") for row in rows)
    return next((name for name in named if name and not name.startswith("<")), "")


def _ended_by_endpoint(rows: Sequence[Row]) -> bool:
    last = next((row for row in reversed(rows) if row.get("type") in ("user", "assistant")), Row())
    return bool(last.get("isApiErrorMessage"))


def _steps(rows: Iterable[Row], beside: Path) -> Iterator[Step]:
    asked: set[str] = set()
    for row in rows:
        if row.get("type") == "assistant" and not row.get("isApiErrorMessage"):
            yield from stamped(_by_agent(row), row.line)
        elif row.get("type") == "user":
            yield from stamped(_by_user(row, beside, asked), row.line)


def _by_agent(row: Row) -> Iterator[Step]:
    content = row.row("message").get("content")
    blocks = [Row(type="text", text=content)] if isinstance(content, str) else items(content)
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            yield Step("say", block.word("text"))
        elif kind == "thinking":
            yield Step("thought", block.word("thinking"))
        elif kind == "tool_use":
            yield tool_call(block, "input")


def _by_user(row: Row, beside: Path, asked: set[str]) -> Iterator[Step]:
    content = row.row("message").get("content")
    blocks = items(content)
    results = [block for block in blocks if block.get("type") == "tool_result"]
    for block in results:
        yield _result(row, block, beside)
    rest = text_of([b for b in blocks if b.get("type") != "tool_result"]) or word(content)
    if not rest.strip():
        return
    if rest.startswith(_INTERRUPTED):
        yield Step("abort", rest)
        return
    by_client = row.get("isMeta") or row.get("isSynthetic") or rest.startswith(_BY_CLIENT)
    parent = "" if by_client or results else row.word("parentUuid")
    again = parent in asked
    if parent:
        asked.add(parent)
    yield Step("injected" if by_client else "user", rest, again=again)


def _result(row: Row, block: Row, beside: Path) -> Step:
    text = _whole(block.text("content"), beside)
    denied = bool(row.get("toolDenialKind")) or _DENIED.match(text) is not None
    code = _EXIT.match(text) if block.get("is_error") else None
    return Step(
        "tool_result",
        text,
        call=block.word("tool_use_id"),
        failed=block.get("is_error") is True,
        denied=denied,
        exit_code=int(code[1]) if code else None,
    )


def _whole(text: str, beside: Path) -> str:
    """The output that was laid aside. Only what lies in the session's own folder is read: the
    path is a text that anybody may have written."""
    named = _ASIDE.search(text) if text.lstrip().startswith("<persisted-output>") else None
    if not named:
        return text
    folder = (beside / "tool-results").resolve()
    file = (folder / Path(named["path"].strip()).name).resolve()
    if file.parent != folder or not file.is_file():
        return text
    try:
        with file.open(encoding="utf-8", errors="replace") as aside:
            return aside.read(LONGEST)
    except OSError:
        return text
