"""The row `escapes` sees what leaves a sandbox: without one, it is full."""

import asyncio
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hostile.commands import ESCAPES, OUTPUTS
from hostile.hogs import HOGS_OF_SPACE
from rows.escapes import attacks, escaped

from react_agent.errors import ContractError
from react_agent.sandbox import bwrap, limits, process, seccomp
from react_agent.sandbox.door import Sandbox, SandboxKind, open_sandbox
from react_agent.sandbox.limits import Limits


def opened(kind: SandboxKind) -> Sandbox:
    try:
        return open_sandbox(kind, limits=Limits(seconds=10))
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")


def found(
    kind: SandboxKind, base: Path, names: set[str], sandbox: Sandbox | None = None
) -> list[str]:
    base.chmod(0o755)
    sandbox = sandbox or opened(kind)
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


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Takes one defence out of the sandbox."""

    def take_out(defence: str) -> None:
        match defence:
            case "refused calls":
                monkeypatch.setattr(seccomp, "_REFUSED", ())
            case "absent calls":
                monkeypatch.setattr(seccomp, "_ABSENT", ("clone3",))
            case "sizes of sockets":
                monkeypatch.setattr(seccomp, "_BUFFER_SIZES", (999, 999))
            case "own process 1":
                with_it = bwrap.namespaces
                monkeypatch.setattr(
                    bwrap,
                    "namespaces",
                    lambda **own: [word for word in with_it(**own) if word != "--as-pid-1"],
                )
            case "memory of sockets":
                monkeypatch.setattr(limits, "held_by_sockets", lambda inner: 0)
            case "living threads":
                monkeypatch.setattr(limits, "_alive", lambda pid: f"/proc/{pid}")
            case "looks":
                monkeypatch.setattr(process, "breach", lambda *given: "")
        seccomp.program.cache_clear()

    yield take_out
    monkeypatch.undo()
    seccomp.program.cache_clear()


HELD_BACK = {
    "refused calls": {
        "tracing another process",
        "the memory of another process",
        "a file of another process",
    },
    "absent calls": {
        "semaphores of System V",
        "messages of System V",
        "shared memory of System V",
        "message queues",
        "a memory file",
    },
    "sizes of sockets": {"a socket of any size"},
    "own process 1": {"process 1 without limits"},
    "own process 1, refused calls": {"process 1 as another program (hog)"},
    "memory of sockets": {"data in sockets (hog)"},
    "living threads": {"memory behind a first thread that has ended (hog)"},
    "looks": {"memory behind many open files (hog)"},
}


@pytest.mark.parametrize("defence", HELD_BACK)
def test_without_one_defence_what_it_holds_back_is_seen(
    defence: str, tmp_path: Path, without: Callable[[str], None]
) -> None:
    # Without users to lend, so that the commands are of one user with what surrounds them.
    sandbox = replace(opened("bwrap"), users=iter(()))
    names = HELD_BACK[defence]
    if platform.machine() != "x86_64":
        names = names - {"process 1 as another program (hog)"}
    assert found("bwrap", tmp_path, names, sandbox) == []
    for one in defence.split(", "):
        without(one)
    lines = found("bwrap", tmp_path, names, sandbox)
    assert {line.split(": ")[0] for line in lines} == names


def test_where_the_kernel_does_not_bound_what_is_written_that_is_seen(tmp_path: Path) -> None:
    sandbox = opened("bwrap")
    if not sandbox.bounded:
        pytest.skip("it does not here")
    names = {f"{name} (hog)" for name in HOGS_OF_SPACE}
    assert found("bwrap", tmp_path, names, sandbox) == []
    lines = found("bwrap", tmp_path, names, replace(sandbox, bounded=False))
    assert {line.split(": ")[0] for line in lines} == names
