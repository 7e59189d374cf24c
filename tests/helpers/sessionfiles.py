"""Writes session files as the clients write them: the keys that were seen, nothing of anybody."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HOME = "/home/marta"
CWD = f"{HOME}/work/ledger-app"
START = "2026-11-20T10:{minute:02d}:{second:02d}.000Z"


def write_lines(file: Path, rows: Iterable[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


class Claude:
    """One session of Claude Code, line by line."""

    def __init__(self, session: str = "11111111-aaaa-4bbb-8ccc-000000000001") -> None:
        self.session, self.rows, self.parent = session, [], None
        self._ids = itertools.count(1)
        self._calls = itertools.count(1)

    def add(self, kind: str, **more: Any) -> dict[str, Any]:
        n = next(self._ids)
        row = {
            **{"parentUuid": self.parent, "isSidechain": False, "userType": "external"},
            **{"cwd": CWD, "sessionId": self.session, "version": "2.1.332", "gitBranch": ""},
            **{"type": kind, "uuid": f"{self.session}-{n}", "entrypoint": "sdk-cli"},
            "timestamp": START.format(minute=n // 60, second=n % 60),
            **more,
        }
        self.parent = row["uuid"]
        self.rows.append(row)
        return row

    def user(self, text: str, **more: Any) -> dict[str, Any]:
        return self.add("user", message={"role": "user", "content": text}, **more)

    def block(self, message: str, block: dict[str, Any], output: int = 1) -> dict[str, Any]:
        usage = {
            **{"input_tokens": 100, "cache_creation_input_tokens": 20},
            **{"cache_read_input_tokens": 30, "output_tokens": output},
        }
        told = {"id": message, "role": "assistant", "model": "claude-m", "content": [block]}
        return self.add("assistant", message={**told, "usage": usage})

    def say(self, text: str, message: str = "") -> dict[str, Any]:
        return self.block(message or f"msg_{next(self._calls)}", {"type": "text", "text": text}, 9)

    def tool(
        self,
        name: str,
        arguments: dict[str, Any],
        result: str,
        *,
        error: bool = False,
        thought: str = "",
        **more: Any,
    ) -> None:
        number = next(self._calls)
        message, call = f"msg_{number}", f"toolu_{self.session[-4:]}_{number}"
        if thought:
            self.block(message, {"type": "thinking", "thinking": thought})
        use = {"type": "tool_use", "id": call, "name": name, "input": arguments}
        self.block(message, use, output=7)
        block = {"type": "tool_result", "tool_use_id": call, "content": result}
        told = {**block, "is_error": True} if error else block
        self.add("user", message={"role": "user", "content": [told]}, toolUseResult={}, **more)

    def write(self, root: Path) -> Path:
        folder = root / "projects" / "-home-marta-work-ledger-app"
        extra = [
            {"type": "queue-operation", "operation": "enqueue", "sessionId": self.session},
            {"type": "cost-state", "totalCostUSD": 0.1, "sessionId": self.session},
            {"type": "a-type-of-next-year", "sessionId": self.session, "deep": [{}]},
        ]
        return write_lines(folder / f"{self.session}.jsonl", [*extra, *self.rows])


def work_day(session: str = "11111111-aaaa-4bbb-8ccc-000000000001") -> Claude:
    """A session with one of each: error, loop, denial, correction, abort, skill, tests, praise."""
    day = Claude(session)
    day.user("Fix the totals in report.py")
    day.user("<system-reminder>skills: sheets</system-reminder>", isMeta=True)
    day.tool("Skill", {"skill": "sheets"}, "Launching skill: sheets", thought="A skill fits.")
    for _ in range(3):
        day.tool("Bash", {"command": "python report.py"}, "Exit code 1\nKeyError: 'x'", error=True)
    day.tool("Bash", {"command": "rm -r old"}, "The user doesn't want to proceed", error=True)
    day.user("No, you forgot the header row")
    day.tool("Edit", {"file_path": f"{CWD}/report.py"}, "done")
    day.user("[Request interrupted by user]")
    day.user("go on please")
    day.tool("Bash", {"command": "pytest -q"}, "7 passed in 0.2s")
    day.say("The totals are right now.")
    day.user("Thanks, that works")
    return day


def codex_rows(session: str = "22222222-0000-7000-8000-000000000002") -> list[dict[str, Any]]:
    seconds = itertools.count(1)

    def row(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        n = next(seconds)
        stamp = START.format(minute=0, second=n)
        return {"timestamp": stamp, "ordinal": n, "type": kind, "payload": payload}

    def said(role: str, text: str) -> dict[str, Any]:
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        return row("response_item", {"type": "message", "role": role, "content": content})

    def count(total: int) -> dict[str, Any]:
        last = {"input_tokens": 50, "cached_input_tokens": 10, "output_tokens": 5}
        info = {"total_token_usage": {"total_tokens": total}, "last_token_usage": last}
        return row("event_msg", {"type": "token_count", "info": info})

    call = {"type": "function_call", "name": "exec_command", "call_id": "c1"}
    output = {"type": "function_call_output", "call_id": "c1"}
    return [
        row("session_meta", {"id": session, "cwd": CWD, "cli_version": "0.171.0"}),
        row("turn_context", {"cwd": CWD, "model": "gpt-x"}),
        said("developer", "<skills_instructions>sheets</skills_instructions>"),
        said("user", "<environment_context>cwd</environment_context>"),
        said("user", "Count the rows"),
        row("response_item", {"type": "reasoning", "summary": [{"text": "I look first."}]}),
        row("response_item", {**call, "arguments": json.dumps({"cmd": "wc -l data.csv"})}),
        row("response_item", {**output, "output": "Process exited with code 2\nno such file"}),
        count(55),
        count(55),
        said("assistant", "There is no such file."),
        count(110),
        row("event_msg", {"type": "turn_aborted", "reason": "interrupted"}),
        row("event_of_next_year", {"type": "x"}),
    ]


def qwen_rows(session: str = "33333333-0000-4000-8000-000000000003") -> list[dict[str, Any]]:
    base = {"sessionId": session, "cwd": CWD, "version": "0.24.4", "timestamp": "2026-11-20T12:00Z"}
    call = {"id": "q1", "name": "run_shell_command", "args": {"command": "npm test"}}
    answer = {"id": "q1", "name": "run_shell_command", "response": {"output": "Tests: 4 passed"}}

    def row(number: int, kind: str, parts: list[Any], **more: Any) -> dict[str, Any]:
        message = {"role": kind, "parts": parts}
        return {**base, "uuid": f"q-{number}", "type": kind, "message": message, **more}

    counts = {"promptTokenCount": 40, "candidatesTokenCount": 4, "cachedContentTokenCount": 8}
    said = [{"text": "I test.", "thought": True}, {"functionCall": call}]
    telemetry = {**base, "uuid": "q-0", "type": "system", "subtype": "ui_telemetry"}
    return [
        telemetry,
        row(1, "user", [{"text": "Run the tests"}]),
        row(2, "assistant", said, usageMetadata=counts, model="qwen-x"),
        row(3, "tool_result", [{"functionResponse": answer}], toolCallResult={"status": "success"}),
        row(4, "assistant", [{"text": "All pass."}], usageMetadata=counts, model="qwen-x"),
    ]


def langsmith_runs(trace: str = "44444444-0000-4000-8000-000000000004") -> list[dict[str, Any]]:
    call = {"id": "l1", "name": "search", "args": {"q": "rate"}}
    reply = {"content": "", "tool_calls": [call]}
    serialised = {"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": reply}
    shared = {"trace_id": trace, "parent_run_id": trace}
    return [
        {
            **{"id": trace, "trace_id": trace, "run_type": "chain", "dotted_order": "1"},
            **{"name": "agent", "start_time": "2026-11-20T13:00:00", "error": None},
            "inputs": {"messages": [{"role": "user", "content": "What is the rate?"}]},
            "feedback_stats": {"user_score": {"n": 1, "avg": 0.0, "comments": ["wrong year"]}},
        },
        {
            **{"id": "m1", "run_type": "llm", "dotted_order": "1.1", **shared},
            **{"prompt_tokens": 30, "completion_tokens": 3},
            "extra": {"metadata": {"ls_model_name": "m-x"}},
            "outputs": {"generations": [[{"text": "", "message": serialised}]]},
        },
        {
            **{"id": "t1", "run_type": "tool", "name": "search", "dotted_order": "1.2", **shared},
            "error": "TimeoutError: no answer",
            "outputs": {"output": {"type": "tool", "content": "none", "tool_call_id": "l1"}},
        },
        {
            **{"id": "m2", "run_type": "llm", "dotted_order": "1.3", **shared},
            **{"prompt_tokens": 60, "completion_tokens": 6},
            "outputs": {"messages": [{"role": "assistant", "content": "It is 3 %."}]},
        },
    ]
