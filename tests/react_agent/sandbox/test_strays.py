"""What a killed start left running does not work beside the next one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from react_agent.sandbox.orphans import end_strays, marked


@contextmanager
def sleeping(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_commands_of_agents_below_the_folder_are_ended_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "run")
    case, other = str(tmp_path / "run" / "1_a"), str(tmp_path / "run-2" / "1_a")
    with (
        sleeping(SANDBOX_CASE="x", HOME=case) as stray,
        sleeping(SANDBOX_CASE="x", HOME=str(tmp_path / "link" / "2_b")) as by_a_link,
        sleeping(SANDBOX_CASE="x", HOME=other) as of_another_run,
        sleeping(HOME=case) as of_the_user,
    ):
        end_strays(tmp_path / "run")
        assert stray.wait(5) == by_a_link.wait(5) == -9
        os.kill(of_another_run.pid, 0)
        assert of_another_run.poll() is None
        assert of_the_user.poll() is None


def test_one_that_just_becomes_another_program_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel shows an empty environment then: here at the first look at each process."""
    seen, read = set(), Path.read_bytes

    def first_empty(path: Path) -> bytes:
        return read(path) if path in seen else seen.add(path) or b""

    monkeypatch.setattr(Path, "read_bytes", first_empty)
    with sleeping(SANDBOX_CASE="in-between") as stray:
        assert [pid for pid, _ in marked("SANDBOX_CASE=in-between")] == [stray.pid]
