"""Two starts never work on one folder; a holder that was killed holds nothing."""

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
