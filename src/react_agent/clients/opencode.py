"""OpenCode, headless: `opencode run --format json`, its provider given by a file of its home."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start
from react_agent.clients.installed import find_program
from react_agent.errors import ContractError
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.sessions.reading import mapping, opened, text_of, word

KEY = "GATEWAY_KEY"


class OpenCode(Client):
    name = "opencode"
    protocol = "chat"
    program = "opencode"
    install = "npm install -g opencode-ai"
    skills = ".opencode/skills"

    def start(self, given: Given) -> Start:
        folder = given.home / ".config" / "opencode"
        folder.mkdir(parents=True)
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "gateway",
            "options": {"baseURL": f"{given.url}/v1", "apiKey": f"{{env:{KEY}}}"},
            "models": {given.model: {"name": given.model}},
        }
        named = f"gateway/{given.model}"
        config = {
            "provider": {"gateway": provider},
            "model": named,
            "small_model": named,
            "permission": {"*": "allow"},
            "autoupdate": False,
            "share": "disabled",
        }
        (folder / "opencode.json").write_text(json.dumps(config), encoding="utf-8")
        argv = [str(given.program), "run", "--format", "json", "--model", named]
        # With a title of ours it asks no model for one.
        argv += ["--title", "case", "--auto"]
        return Start(argv, {KEY: given.key, "OPENCODE_DISABLE_MODELS_FETCH": "1"})

    def ended(self, events: Sequence[Event]) -> Ended:
        for event in reversed(events):
            if event.get("type") == "error":
                return Ended("infrastructure", text_of(event.get("error"))[:400])
            if event.get("type") == "step_finish":
                reason = word(mapping(event.get("part")).get("reason"))
                error = "" if reason == "stop" else f"it ended after a step: {reason}"
                return Ended(error=error)
        return Ended("completed" if events[:-1] else "crash", "it ended without a step")

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        """Its session is a data base; the events say the same."""
        said = [step for event in events for step in _steps(event)]
        return opened([Step("user", given.task), *said], "skill") if said else ()


def _steps(event: Event) -> Iterator[Step]:
    part = mapping(event.get("part"))
    if event.get("type") in ("text", "reasoning"):
        yield Step("say" if event["type"] == "text" else "thought", word(part.get("text")))
    if event.get("type") != "tool_use":
        return
    state, call = mapping(part.get("state")), word(part.get("callID"))
    arguments = mapping(state.get("input"))
    yield Step("tool_call", name=word(part.get("tool")), arguments=arguments, call=call)
    code = mapping(state.get("metadata")).get("exit")
    yield Step(
        "tool_result",
        text_of(state.get("output") or state.get("error")),
        call=call,
        failed=state.get("status") == "error",
        exit_code=code if isinstance(code, int) else None,
    )


def agent(choice: Choice) -> ClientKind:
    """Raises ContractError where it could not open a skill, too: it lists a skill's files with a
    program that it would fetch from the network."""
    kind = client_kind(OpenCode(), choice)
    if not kind.with_skill or kind.preloads:
        return kind
    lister = find_program("rg")
    if lister is None:
        raise ContractError(
            "--harness opencode opens skills with ripgrep, and rg is not on the PATH: install it "
            "(apt install ripgrep), or give --skill_offer preloaded"
        )
    found = kind.found
    needs, path = (*found.needs, lister.resolve()), (*found.path, lister.resolve().parent)
    return replace(kind, found=replace(found, needs=needs, path=path))
