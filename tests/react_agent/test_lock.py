"""Two starts never work on one folder; a holder that was killed holds nothing."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from react_agent.errors import ContractError
from react_agent.lock import only_start

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom react_agent.lock import only_start\n"
    "with only_start(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
)


def test_the_second_start_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ContractError, match=f"process {holder.pid} on"), only_start(tmp_path):
            raise AssertionError("both hold it")
        holder.send_signal(signal.SIGKILL)
    with only_start(tmp_path):
        pass


def test_a_flag_is_not_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the first, and hold a key."""
    for argument, shown in (("--api_key=sk-secret-1", "run.py"), ("evolve", "run.py evolve")):
        monkeypatch.setattr(sys, "argv", ["/x/run.py", argument])
        with only_start(tmp_path):
            held = json.loads((tmp_path / ".lock").read_text())
        assert held["command"] == shown


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with only_start(tmp_path / "new"):
            pass


NO_LOCKS = (
    "import errno, fcntl, os, sys, time\nfrom pathlib import Path\n"
    "def refuse(*_):\n    raise OSError(int(sys.argv[2]), os.strerror(int(sys.argv[2])))\n"
    "fcntl.flock = fcntl.lockf = refuse\n"
    "from react_agent.models.replay.cache import ReplyCache\n"
    "from react_agent.errors import ContractError\n"
    "from react_agent.files import write_whole\nfrom react_agent.lock import only_start\n"
    "folder = Path(sys.argv[1])\n"
    "with only_start(folder):\n"
    "    for text in 'ab':\n        write_whole(folder / 'file', text)\n"
    "try:\n    ReplyCache(None, folder / 'cache', identity='x')\n"
    "except ContractError as error:\n    print(error)\n"
)
"""Stands in for a disk: Python's own calls are made to answer as one without locks does."""


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told_of_once_and_sqlite_refused_with_the_remedy(
    tmp_path: Path, number: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_LOCKS, str(tmp_path), str(number)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_text() == "b"
    assert done.stderr.count("this disk knows no file locks") == 1
    assert "cannot lock files" in done.stdout
    assert "put it on a local disk" in done.stdout


def test_another_error_of_a_lock_is_no_missing_lock(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_LOCKS, str(tmp_path), str(errno.EIO)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("[Errno 5] Input/output error\n")
