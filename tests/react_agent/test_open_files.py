"""Hundreds of cases in flight hold more files open than many systems allow at first."""

import subprocess
import sys
from pathlib import Path

import pytest

from react_agent.errors import ContractError
from react_agent.sandbox.space import open_space

LIMITED = """
import logging, resource, sys
from react_agent.open_files import allow_for
logging.basicConfig(format="%(message)s")
soft, hard, in_flight = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
allow_for(in_flight)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
MANY = """
import os, resource, sys
from pathlib import Path
from react_agent.sandbox.space import open_space
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
space = open_space(Path(sys.argv[1]), 1 << 20, 9)
with space.folder("case") as handle:
    print(handle > 1024, os.fstatvfs(handle).f_blocks * os.fstatvfs(handle).f_frsize)
"""


def program(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", text, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_the_limit_is_raised_as_far_as_needed_and_no_further() -> None:
    done = program(LIMITED, 256, 4000, 100)
    assert (done.stdout, done.stderr) == ("1056 4000\n", "")
    assert program(LIMITED, 2000, 4000, 100).stdout == "2000 4000\n"


def test_a_system_that_allows_too_few_is_told_with_the_workers_that_fit() -> None:
    done = program(LIMITED, 256, 656, 100)
    assert done.stdout == "656 656\n"
    assert "at most 50 workers" in done.stderr


def test_a_case_s_file_system_stands_beside_a_thousand_open_files(tmp_path: Path) -> None:
    for name in ("case", "tmp", "shm"):
        (tmp_path / name).mkdir()
    try:
        open_space(tmp_path, 1 << 20, 9).close()
    except ContractError as error:
        pytest.skip(f"no such file systems here: {error}")
    assert program(MANY, tmp_path).stdout == f"True {1 << 20}\n"
