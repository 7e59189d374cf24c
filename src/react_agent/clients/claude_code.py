"""Claude Code, headless: `claude -p` with its own tools and a stream of events."""

import json
from collections.abc import Sequence

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start, last, session_steps
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.seams import Status
from react_agent.sessions.claude_code import ClaudeCode as Sessions

TOOLS = ("Bash", "Read", "Edit", "Write", "Skill")
_ENDINGS: dict[str, Status] = {
    "max_turns": "out_of_turns",
    "error_max_turns": "out_of_turns",
    "prompt_too_long": "context_overflow",
    "api_error": "infrastructure",
}
_MODELS = (
    *("ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL"),
    *(f"ANTHROPIC_DEFAULT_{name}_MODEL" for name in ("HAIKU", "SONNET", "OPUS")),
)
"""Whatever it asks for besides: all of a run is of one model."""


class ClaudeCode(Client):
    name = "claude-code"
    protocol = "messages"
    program = "claude"
    install = "npm install -g @anthropic-ai/claude-code"
    skills = ".claude/skills"

    def start(self, given: Given) -> Start:
        argv = [str(given.program), "-p", "--output-format", "stream-json", "--verbose"]
        argv += ["--model", given.model, "--max-turns", str(given.max_turns)]
        # Not the user's settings and memory: each run starts from the same.
        argv += ["--setting-sources", "project", "--strict-mcp-config"]
        argv += ["--tools", ",".join(TOOLS)]
        # Allowed tools are still asked for what touches `.claude`, copying from a skill included.
        free = ["--permission-mode", "bypassPermissions"]
        argv += free if given.confined else ["--allowedTools", *TOOLS]
        env = {
            "ANTHROPIC_BASE_URL": given.url,
            "ANTHROPIC_API_KEY": given.key,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
            "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "DISABLE_AUTOUPDATER": "1",
            **dict.fromkeys(_MODELS, given.model),
        }
        return Start(argv, env)

    def ended(self, events: Sequence[Event]) -> Ended:
        """`subtype` says success of what failed, so it counts only where nothing else is said."""
        result, begun = last(events, "result"), last(events, "system")
        version = str(begun.get("claude_code_version") or "")
        rows = {"client_version": version} if version else {}
        if not result:
            return Ended("completed" if begun else "crash", "it ended without a result", rows=rows)
        if denied := result.get("permission_denials"):
            rows["denied"] = json.dumps(denied)[:400]
        reason = str(result.get("terminal_reason") or result.get("subtype"))
        if not result.get("is_error") and reason not in _ENDINGS:
            return Ended(rows=rows)
        status = _ENDINGS.get(reason, "infrastructure" if result.get("is_error") else "completed")
        return Ended(status, str(result.get("result") or reason)[:400], rows)

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        return session_steps(Sessions, given.home / ".claude" / "projects")


def agent(choice: Choice) -> ClientKind:
    return client_kind(ClaudeCode(), choice)
