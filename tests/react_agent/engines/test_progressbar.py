"""One line now and then in a log file, a bar on a terminal, nothing for what is done at once."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from react_agent.engines import progress as progressbar
from react_agent.engines.progress import progress

SCRIPT = (
    "from react_agent.engines.progress import progress\n"
    "with progress(total=3, desc='rollouts', unit='case') as bar:\n"
    "    for _ in range(3): bar.update()\n"
)


def test_what_is_soon_done_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=3, desc="rollouts") as bar:
        for _ in range(3):
            bar.update()
    assert capsys.readouterr().err == ""


def test_a_log_has_whole_lines_without_carriage_returns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progressbar, "EVERY", 0.0)
    with progress(total=3, desc="rollouts", unit="case") as bar:
        for number in range(3):
            bar.set_postfix({"infra": number}, refresh=False)
            bar.update()
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert "\r" not in text
    assert [line for line in lines if "2/3" in line and "infra=1" in line]
    assert all("rollouts" in line for line in lines)


def test_a_terminal_has_a_bar() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    done = subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "\r" in shown
    assert "3/3" in shown
