"""Control groups, on machines where they can be made: the kernel ends what takes too much."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hostile.hogs import HOGS, HOGS_OF_THE_KERNEL
from hostile.scene import forks, gone, limited, python, unique_seconds

from react_agent.errors import ContractError
from react_agent.sandbox import cgroups, process
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import Sandbox, open_sandbox
from react_agent.sandbox.limits import Breach, Limits, MiB


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        opened = open_sandbox("bwrap", limits=Limits(seconds=30, folder_bytes=20 * MiB))
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")
    if opened.groups is None:
        pytest.skip("no control groups (version 2) can be made here")
    return opened


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(*given: object) -> Breach:
        raise AssertionError("it was looked at")

    monkeypatch.setattr(process, "breach", looked)


def run(sandbox: Sandbox, folder: Path, *commands: str) -> list[BashResult]:
    folder.mkdir(exist_ok=True)

    async def work() -> list[BashResult]:
        async with sandbox.case(folder) as bash:
            return [await bash.run(command) for command in commands]

    return asyncio.run(work())


HOG_NAMES = ("memory of many processes", "memory behind a first thread that has ended")


@pytest.mark.parametrize("name", [*HOG_NAMES, "data in sockets"])
def test_memory_of_every_kind_is_bounded(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    command, limits, _, _ = {**HOGS, **HOGS_OF_THE_KERNEL}[name]
    number = str({"x86_64": 60, "aarch64": 93}[os.uname().machine])
    few = limited(sandbox, **{**limits, "memory": 100 * MiB})
    hogged, after = run(few, tmp_path / "case", command.replace("{exit}", number), "echo alive")
    assert hogged.killed == "memory", hogged
    assert (after.text, after.killed) == ("alive\n", "")


def test_what_is_written_counts_beside_the_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    few = limited(sandbox, memory=60 * MiB)
    fill = "head -c 18M /dev/zero > f; head -c 1M /dev/zero > /tmp/f; echo written"
    more = python("x = b'x' * (30 << 20); print(len(x))")
    assert [one.killed for one in run(few, tmp_path / "case", fill, more)] == ["", ""]


def test_processes_are_counted_by_the_kernel(sandbox: Sandbox, tmp_path: Path) -> None:
    count = forks(90)
    # Root's own processes are counted by nothing else.
    without_users = replace(limited(sandbox, processes=40), users=iter(()))
    (result,) = run(without_users, tmp_path / "case", count)
    assert 25 < int(result.text) < 45


def test_a_group_goes_with_its_case(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.groups
    unique = unique_seconds()
    before = {path.name for path in sandbox.groups.iterdir()}
    run(limited(sandbox, seconds=1), tmp_path / "case", f"setsid sleep {unique}")
    assert gone(unique)
    assert {path.name for path in sandbox.groups.iterdir()} == before


def test_cases_do_not_share_a_group(sandbox: Sandbox, tmp_path: Path) -> None:
    few = limited(sandbox, memory=100 * MiB)
    hog = python("import time; x = b'x' * (300 << 20); time.sleep(9)")

    async def both() -> list[str]:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        async with few.case(tmp_path / "one") as one, few.case(tmp_path / "two") as two:
            hogged, kept = await asyncio.gather(one.run(hog), two.run("sleep 2; echo kept"))
            return [hogged.killed, kept.killed]

    assert asyncio.run(both()) == ["memory", ""]


def test_a_group_of_a_killed_start_is_removed(sandbox: Sandbox) -> None:
    assert sandbox.groups
    left = sandbox.groups / f"{cgroups._OURS}999999999"
    (left / "case").mkdir(parents=True)
    cgroups._remove_stale(sandbox.groups)
    assert not left.exists()
