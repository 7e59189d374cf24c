"""Clients that ended before they wrote anything down, left other things than their session, or did
not come to their end by themselves.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from clientplace import Place
from scripted_endpoint import Say, ScriptedEndpoint

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.claude_code import ClaudeCode
from react_agent.clients.client import Client, Ended, Event, Given, Start
from react_agent.clients.installed import Installed
from react_agent.clients.mini_swe_agent import MiniSweAgent
from react_agent.errors import ContractError
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.registry import HARNESSES, find

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


ASKS = """#!/bin/bash
[ "$1" = --version ] && echo 1.2 && exit
python - "$1" "$2" <<'END'
import json, sys, urllib.request
url, key = sys.argv[1:]
body = {"model": "model-under-test", "messages": [{"role": "user", "content": "Add."}]}
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
asked = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), headers)
urllib.request.urlopen(asked).read()
END
"""
"""A client that asks its model once."""


class Own(Client):
    name = "own"
    protocol = "chat"
    program = "own-client"
    install = "npm install own-client"

    def start(self, given: Given) -> Start:
        return Start([str(given.program), given.url, given.key])

    def ended(self, events: Sequence[Event]) -> Ended:
        return Ended()

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        return ()


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("kill -9 $$", "the client ended with signal 9"),
        ("kill -9 -1", "it was killed with all that it had started"),
        ("echo 'no space left' >&2; exit 3", "the client ended with exit code 3: no space left"),
        ("exit 0", ""),
    ],
)
def test_how_a_client_died_stands_in_its_log(
    end: str, told: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", str(tmp_path))
    program = tmp_path / "own-client"
    program.write_text(f"{ASKS}{end}\n")
    program.chmod(0o755)
    with ScriptedEndpoint({"": [Say("Done.")]}) as endpoint:
        done = Place(tmp_path).run(client_kind(Own(), Choice("cli_only")), endpoint)
    assert (done.status, done.error, done.turns) == ("completed", told, 1)


@pytest.mark.parametrize("failed", [True, False])
def test_a_skill_that_could_not_be_opened_was_not_opened(
    failed: bool, tmp_path: Path, monkeypatch: Any
) -> None:
    class Opening(Own):
        skills = ".own/skills"

        def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
            called = Step("skill_load", name="adding", call="1")
            return called, Step("tool_result", "the files are ...", call="1", failed=failed)

    monkeypatch.setenv("TRACE2SKILL_CLIENTS", str(tmp_path))
    program = tmp_path / "own-client"
    program.write_text(ASKS)
    program.chmod(0o755)
    with ScriptedEndpoint({"": [Say("Done.")]}) as endpoint:
        done = Place(tmp_path).run(client_kind(Opening(), Choice("with_skill")), endpoint)
    assert done.status == "completed"
    assert done.rows["skill_opened"] is not failed


def test_opencode_needs_what_it_opens_skills_with(tmp_path: Path, monkeypatch: Any) -> None:
    program = tmp_path / "opencode"
    program.write_text("#!/bin/sh\necho 1.18\n")
    program.chmod(0o755)
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    choose = find(HARNESSES, "--harness", "opencode")
    with pytest.raises(ContractError, match=r"ripgrep.*--skill_offer preloaded"):
        choose(Choice("with_skill"))
    assert choose(Choice("with_skill", skill_offer="preloaded")).preloads
    assert not choose(Choice("cli_only")).with_skill
    (tmp_path / "rg").symlink_to("/usr/bin/env")
    assert Path("/usr/bin") in choose(Choice("with_skill")).found.path
