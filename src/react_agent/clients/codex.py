"""Codex, headless: `codex exec --json`, over the Responses protocol."""

import json
from collections.abc import Sequence
from typing import Any

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start, session_steps
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.sessions.codex import Codex as Sessions

KEY = "GATEWAY_KEY"


class Codex(Client):
    name = "codex"
    protocol = "responses"
    program = "codex"
    install = "npm install -g @openai/codex"
    skills = ".agents/skills"

    def start(self, given: Given) -> Start:
        home = given.home / ".codex"
        home.mkdir()
        provider: dict[str, Any] = {
            "name": "gateway",
            "base_url": f"{given.url}/v1",
            "env_key": KEY,
            "wire_api": "responses",
            "request_max_retries": 0,
            "stream_max_retries": 0,
        }
        config: dict[str, Any] = {"model_provider": "gateway", "model": given.model}
        config |= {f"model_providers.gateway.{key}": value for key, value in provider.items()}
        argv = [str(given.program), "exec", "--json", "--skip-git-repo-check"]
        # The whole of it is confined already; its own sandbox cannot be set up within another.
        argv += ["--sandbox", "danger-full-access", "--cd", str(given.folder)]
        for key, value in config.items():
            argv += ["--config", f"{key}={json.dumps(value)}"]
        return Start([*argv, "-"], {"CODEX_HOME": str(home), KEY: given.key})

    def ended(self, events: Sequence[Event]) -> Ended:
        for event in reversed(events):
            if event.get("type") == "turn.completed":
                return Ended()
            if event.get("type") in ("turn.failed", "error"):
                error = event.get("error")
                words = error.get("message") if isinstance(error, dict) else event.get("message")
                return Ended("infrastructure", str(words)[:400])
        begun = any(event.get("type") == "thread.started" for event in events)
        return Ended("completed" if begun else "crash", "it ended within its turn")

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        return session_steps(Sessions, given.home / ".codex" / "sessions")


def agent(choice: Choice) -> ClientKind:
    return client_kind(Codex(), choice)
