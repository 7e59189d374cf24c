"""Where clients lie, and how little of a machine an agent is shown for them."""

from pathlib import Path
from typing import Any

import pytest

from react_agent.clients.installed import installed
from react_agent.errors import ContractError
from trace2skill.doctor.checks import check_clients


@pytest.fixture
def home(tmp_path: Path, monkeypatch: Any) -> Path:
    folder = tmp_path / "home"
    (folder / ".local" / "bin").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{folder}/.local/bin:{folder}/bin:/usr/bin:/bin")
    monkeypatch.delenv("TRACE2SKILL_CLIENTS", raising=False)
    return folder


def program(place: Path, runner: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!{runner}\necho 1.2.3\n")
    place.chmod(0o755)
    return place


def environment(folder: Path, distribution: str) -> Path:
    """As `python -m venv` and an installer leave one."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "bin" / "python").symlink_to("/usr/bin/env")
    known = f"{distribution.replace('-', '_')}-2.4.6.dist-info"
    (folder / "lib/python3.11/site-packages" / known).mkdir(parents=True)
    return folder


def test_a_tool_that_is_linked_from_an_environment_is_found_in_it(home: Path) -> None:
    tool = environment(home / ".local/share/uv/tools/mini-swe-agent", "mini-swe-agent")
    real = program(tool / "bin" / "mini", f"{tool}/bin/python")
    (home / ".local/bin/again").symlink_to(real)
    (home / ".local/bin/mini").symlink_to("again")
    found = installed("mini", "uv tool install mini-swe-agent", "mini-swe-agent")
    assert (found.program, found.version) == (real, "2.4.6")
    assert found.needs == (tool,)


def test_an_environment_s_python_is_called_by_its_link(home: Path) -> None:
    tool = environment(home / "agents", "deepagents")
    (home / ".local/bin/python").symlink_to(tool / "bin" / "python")
    found = installed("python", "pip install deepagents", "deepagents")
    assert (found.program, found.version) == (tool / "bin" / "python", "2.4.6")


@pytest.mark.parametrize("runner", ["/bin/sh", "/usr/bin/sh", "/usr/bin/env sh"])
def test_a_script_of_the_shell_shows_the_agent_nothing_but_itself(home: Path, runner: str) -> None:
    place = program(home / ".local/bin/claude", runner)
    assert installed("claude", "npm install").needs == (place,)


@pytest.mark.parametrize("folder", ["bin", ".local/bin"])
def test_a_runner_in_the_home_does_not_show_the_home(home: Path, folder: str) -> None:
    runner = home / folder / "node"
    runner.parent.mkdir(exist_ok=True)
    runner.symlink_to("/bin/sh")
    place = program(home / "node_modules/claude/cli", "/usr/bin/env node")
    (home / ".local/bin/claude").symlink_to(place)
    assert installed("claude", "npm install").needs == (runner, home / "node_modules")


def test_what_is_in_no_environment_of_its_own_is_said_to_be_missing(home: Path) -> None:
    program(home / ".local/bin/mini", "/bin/sh")
    with pytest.raises(ContractError, match=r"mini-swe-agent is not installed beside .*mini: how"):
        installed("mini", "how", "mini-swe-agent")


def test_the_doctor_tells_a_client_that_does_not_start_from_one_that_is_missing(home: Path) -> None:
    place = program(home / ".local/bin/claude", "/bin/sh")
    place.write_text("#!/bin/sh\necho 'a newer Node is wanted' >&2; exit 1\n")
    program(home / ".local/bin/codex", "/bin/sh")
    check = check_clients()
    assert check.level == "warning"
    assert check.says.startswith("codex: 1.2.3")
    assert "claude-code: " in check.says
    assert check.says.endswith("does not start: a newer Node is wanted")
    assert "claude-code" not in check.says.partition("not installed: ")[2].partition(";")[0]
