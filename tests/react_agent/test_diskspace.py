"""A run stops before a disk is full, says which one, and goes on when there is room."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from commands import DONE, TASKS, Commands, bash, task_of, with_server
from stub_server import StubServer, reply

from react_agent.cli import INCOMPLETE, OK
from react_agent.disk import MIB, require_space
from react_agent.errors import DiskLow
from spreadsheetbench.tasks.download import download

SIZE = 96


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of `SIZE` MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_it_is_said_which_disk_how_much_is_free_and_what_to_do(disk: Path) -> None:
    require_space(disk / "not" / "there" / "yet", (SIZE - 1) * MIB)
    with pytest.raises(DiskLow, match=rf"{disk} \(disk {disk}\): {SIZE} MiB free, 100 MiB needed"):
        require_space(disk / "not" / "there" / "yet", 100 * MIB)


def test_a_disk_without_room_for_files_is_low_too(tmp_path: Path) -> None:
    place = tmp_path / "few"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=500", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        with pytest.raises(DiskLow, match="more files"):
            require_space(place, MIB)
        require_space(place, 0)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_run_without_room_asks_nothing_and_goes_on_with_it(tmp_path: Path) -> None:
    asked: list[str] = []

    def agent(body: dict[str, Any]) -> Any:
        asked.append(task_of(body))
        first = not any(m["role"] == "assistant" for m in body["messages"])
        return reply(bash("cp input.xlsx output.xlsx") if first else DONE)

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--min_free_disk", "1e12")
        assert code == INCOMPLETE, said
        assert asked == []
        (line,) = [line for line in said.splitlines() if "MiB needed" in line]
        assert line.startswith(f"stopped: {tmp_path}")
        assert "--min_free_disk" in line
        code, said = await user.rollouts("--min-free-disk", "1")
        assert code == OK, said
        assert len(set(asked)) == TASKS

    with_server(agent, tmp_path, steps)


def test_an_archive_that_would_fill_the_disk_is_not_fetched(disk: Path) -> None:
    sent: list[int] = []

    async def steps() -> None:
        def large(body: dict[str, Any]) -> Any:
            sent.append(1)
            return web.Response(body=b"\x1f\x8b" + bytes(40 * MIB))

        async with StubServer(large) as server:
            with pytest.raises(DiskLow, match=rf"{disk}.* 120 MiB needed"):
                await download(f"{server.url}/x.tar.gz", disk / "x.tar.gz", most=2 << 30)

    asyncio.run(steps())
    assert sent == [1]
    assert list(disk.iterdir()) == []


def test_a_disk_that_runs_low_stops_the_run_before_it_is_full(disk: Path) -> None:
    ballast = disk / "other.bin"

    def filling(body: dict[str, Any]) -> Any:
        asked = sum(m["role"] == "assistant" for m in body["messages"])
        if asked == 0:
            return reply(bash("sleep 2; cp input.xlsx output.xlsx"))
        if not ballast.exists():
            ballast.write_bytes(bytes(60 * MIB))
        return reply(DONE)

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--min_free_disk", "48", "--workers", "2")
        assert code == INCOMPLETE, said
        assert f"(disk {disk})" in said
        assert "48 MiB needed" in said
        finished = [line for line in user.lines() if line["status"] == "completed"]
        assert 0 < len(finished) < TASKS
        ballast.unlink()
        ballast.touch()
        code, said = await user.rollouts("--min_free_disk", "48")
        assert code == OK, said
        assert f"{len(finished)} kept" in said

    with_server(filling, disk, steps)
