"""The row `escapes` sees what leaves a sandbox: without one, it is full."""

import asyncio
from pathlib import Path

import pytest
from faults_escapes import attacks, escaped
from hostile_commands import ESCAPES, OUTPUTS

from react_agent.errors import ContractError
from react_agent.limits import Limits
from react_agent.sandbox import SandboxKind, open_sandbox


def found(kind: SandboxKind, base: Path, names: set[str]) -> list[str]:
    base.chmod(0o755)
    try:
        sandbox = open_sandbox(kind, limits=Limits(seconds=10))
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")
    chosen = [attack for attack in attacks(kind) if attack.name in names]
    assert len(chosen) == len(names)
    return asyncio.run(escaped(sandbox, chosen, base))


def test_without_a_sandbox_every_escape_is_seen(tmp_path: Path) -> None:
    lines = found("none", tmp_path, {*ESCAPES})
    assert {line.split(": ")[0] for line in lines} == {*ESCAPES}


def test_in_the_sandbox_nothing_is_seen(tmp_path: Path) -> None:
    wanted = {"gold by its path", "loopback by UDP", "stopping a process outside", *OUTPUTS}
    wanted |= {"a process that clears its mark", "a pipe as output.xlsx", "fork bomb (hog)"}
    assert found("bwrap", tmp_path, wanted) == []
