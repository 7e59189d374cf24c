"""Clients that ended before they wrote anything down, or left other things than their session."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from clientplace import Place
from scripted_endpoint import Say, ScriptedEndpoint

from react_agent.clients.agent import ClientKind
from react_agent.clients.claude_code import ClaudeCode
from react_agent.clients.client import Client, Given
from react_agent.clients.installed import Installed
from react_agent.clients.mini_swe_agent import MiniSweAgent

CLIENTS = {
    "claude_code": "ClaudeCode",
    "codex": "Codex",
    "deepagents": "DeepAgents",
    "mini_swe_agent": "MiniSweAgent",
    "opencode": "OpenCode",
    "qwen_code": "QwenCode",
}


@pytest.mark.parametrize("module", CLIENTS)
def test_a_client_that_left_no_session_has_done_no_step(module: str, tmp_path: Path) -> None:
    found = import_module(f"react_agent.clients.{module}")
    client: Client = getattr(found, CLIENTS[module])()
    given = Given(
        folder=tmp_path,
        home=tmp_path / "home",
        program=tmp_path / "client",
        task="Add the cells.",
        model="m",
        url="http://127.0.0.1:1",
        key="case-1",
        max_turns=3,
    )
    given.home.mkdir()
    assert client.start(given).argv[0] == str(given.program)
    assert not client.steps(given, [])


OTHERS = '{"messages": [{"role": "assistant", "content": "of another case"}]}'
SESSION = (
    '{"type": "user", "sessionId": "s", "uuid": "1", "message": {"content": "of another case"}}\n'
    '{"type": "assistant", "sessionId": "s", "uuid": "2", "message": {"content": "of another"}}\n'
)
LEFT: dict[str, tuple[Callable[[], Client], str]] = {
    "a link in place of a trajectory": (MiniSweAgent, "ln -s {other} trajectory.json"),
    "a pipe in place of a trajectory": (MiniSweAgent, "mkfifo trajectory.json"),
    "a device in place of a trajectory": (MiniSweAgent, "ln -s /dev/zero trajectory.json"),
    "a link in place of the home": (
        MiniSweAgent,
        "cd ..; rm -rf .agent-home; ln -s {folder} .agent-home",
    ),
    "a link in place of a session": (
        ClaudeCode,
        "mkdir -p .claude/projects/x; ln -s {folder}/s.jsonl .claude/projects/x/s.jsonl",
    ),
    "a link in place of all sessions": (
        ClaudeCode,
        "mkdir .claude; ln -s {folder} .claude/projects",
    ),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_a_client_leaves_is_not_read_through(what: str, tmp_path: Path) -> None:
    client, command = LEFT[what]
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "trajectory.json").write_text(OTHERS)
    (folder / "s.jsonl").write_text(SESSION)
    program = tmp_path / "client"
    spelled = command.replace("{other}", str(folder / "trajectory.json"))
    spelled = spelled.replace("{folder}", str(folder))
    program.write_text(f"#!/bin/bash\ncd .agent-home; {spelled}; echo it ran\n")
    program.chmod(0o755)
    found = Installed(program, "1", (program,))
    kind: Any = ClientKind(client(), found, "preloaded", with_skill=False)
    with ScriptedEndpoint({"": [Say("x")]}) as end:
        done = Place(tmp_path).run(kind, end, seconds=20.0)
    said = "\n".join(message.text for message in done.messages)
    assert "it ran" in said
    assert "of another" not in said
