"""Clients that ended before they wrote anything down."""

from importlib import import_module
from pathlib import Path

import pytest

from react_agent.clients.client import Client, Given

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
