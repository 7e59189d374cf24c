"""The rows of faults.py about lost work, in their smallest form; and each can fail.

What guards a row is taken out by a few lines that run in the command before its own.
"""

import importlib
import site
from pathlib import Path
from typing import Any

import pytest

site.addsitedir(str(Path(__file__).resolve().parent.parent / "benchmarks"))

TASKS = ("9015", "9007")
"""Two of the bundled ones, solved in a few steps."""


def measure(row: str, seed: int = 1, **sizes: Any) -> Any:
    module = importlib.import_module(f"faults_{row}")
    trial = importlib.import_module("faultrow").Trial(seed, reduced=True)
    found = module.measure(trial, **sizes)
    if found.skipped:
        pytest.skip(found.skipped)
    return found


IMPATIENT = """
import react_agent.connect
import spreadsheet_agent.casequeue
from react_agent.retry import RetryPolicy
react_agent.connect.RetryPolicy = lambda **_: RetryPolicy(attempts=1, refusals=1, timeouts=1)
spreadsheet_agent.casequeue._worth_another = lambda outcome: False
"""


def test_no_task_is_lost_to_a_failing_endpoint() -> None:
    row = measure("lost", tasks=8, kinds=("500", "garbage"))
    assert (row.tried, list(row.wrong)) == (16, [])


def test_without_retries_tasks_are_lost() -> None:
    row = measure("lost", tasks=8, kinds=("500",), before=IMPATIENT)
    assert not row.reached
    assert any("infrastructure" in line for line in row.wrong)


FORGETFUL = """
from spreadsheet_agent.runfolder import RunFolder
RunFolder.is_finished = lambda *_, **__: False
"""
IN_PLACE = """
import time
from react_agent import files

def write_whole(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    began = path.exists()
    with path.open("wb") as file:
        file.write(data[:20])
        file.flush()
        if path.suffix == SLOW and not began:
            time.sleep(60)
        file.write(data[20:])

SLOW = ""
files.write_whole = write_whole
"""


def test_a_kill_loses_and_repeats_nothing() -> None:
    row = measure("kills", kills=2, stages=1, tasks=TASKS, workers=1)
    assert (row.tried, list(row.wrong)) == (2, [])


def test_without_the_look_at_results_work_is_done_again() -> None:
    """The seed's first kill comes when one task of two has ended."""
    row = measure("kills", seed=0, kills=1, stages=1, tasks=TASKS, workers=1, before=FORGETFUL)
    assert any("asked for again" in line for line in row.wrong)


def test_with_files_written_in_place_a_kill_leaves_halves() -> None:
    """The seed's first kill comes after the last call, while the log is written."""
    slow = IN_PLACE.replace('SLOW = ""', 'SLOW = ".md"')
    row = measure("kills", 6, kills=1, stages=1, tasks=TASKS[:1], later=2.0, before=slow)
    assert any("was killed: " in line for line in row.wrong)


def test_a_full_disk_is_said_and_survived() -> None:
    row = measure("disk", levels=2, stages=2, tasks=TASKS)
    assert row.tried >= 2
    assert list(row.wrong) == []


def test_half_a_file_on_a_full_disk_is_found() -> None:
    row = measure("disk", levels=2, stages=1, tasks=TASKS, before=IN_PLACE)
    assert any("outputs/run.json: " in line for line in row.wrong)


DEAF = """
import react_agent.cli as cli
async def _cancellable(work):
    return await work
cli._cancellable = _cancellable
"""


def test_a_signal_ends_a_busy_run_in_seconds() -> None:
    row = measure("stop", busy=4)
    assert row.tried == 4
    assert list(row.wrong) == []


def test_without_its_handler_a_signal_is_no_clean_end() -> None:
    row = measure("stop", busy=4, analysis=False, before=DEAF)
    assert any("SIGTERM" in line for line in row.wrong)
