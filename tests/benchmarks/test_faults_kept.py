"""The rows of faults.py about lost work, in their smallest form; and each can fail.

What guards a row is taken out by a few lines that run in the command before its own.
"""

import importlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from trial import server as faultserver
from trial import stages
from trial.program import Program
from trial.row import Trial

TASKS = ("9015", "9007")
"""Two of the bundled ones, solved in a few steps."""


def measure(row: str, seed: int = 1, **sizes: Any) -> Any:
    module = importlib.import_module(f"rows.{row}")
    found = module.measure(Trial(seed, reduced=True), **sizes)
    if found.skipped:
        pytest.skip(found.skipped)
    return found


IMPATIENT = """
import react_agent.models.connect
import react_agent.runs.case_queue
from react_agent.models.patience.faults import RetryPolicy
react_agent.models.connect.RetryPolicy = lambda **_: RetryPolicy(attempts=1, refusals=1, timeouts=1)
react_agent.runs.case_queue.CaseQueue._again = lambda self, outcome: False
"""


def test_no_task_is_lost_to_a_failing_endpoint() -> None:
    row = measure("lost", tasks=8, kinds=("500", "garbage"))
    assert (row.tried, list(row.wrong)) == (16, [])


def test_without_retries_tasks_are_lost() -> None:
    row = measure("lost", tasks=8, kinds=("500",), before=IMPATIENT)
    assert not row.reached
    assert any("infrastructure" in line for line in row.wrong)


FORGETFUL = """
from react_agent.runs.folder import RunFolder
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


FULL = """
import shutil
from types import SimpleNamespace
roomy = iter(range({looks}))
shutil.disk_usage = lambda _: SimpleNamespace(free=1 << 60 if next(roomy, None) is not None else 0)
"""


def one_case(folder: Path, before: str = "") -> tuple[Any, Any, Any]:
    """A run of one task: the stage, how it ended, and the server that answered it."""
    first = stages.Pipeline(folder, TASKS[:1], workers=1).stages[0]
    with faultserver.FaultServer(stages.scripted) as server:
        program = Program(folder, server.url, before)
        return first, program.run(first.module, *first.argv), server


@pytest.mark.parametrize("looks", [0, 1], ids=["before", "during"])
def test_what_an_agent_does_on_a_full_disk_is_not_counted(tmp_path: Path, looks: int) -> None:
    stage, ended, server = one_case(tmp_path / "run", FULL.format(looks=looks))
    assert (ended.code, ended.trouble) == (2, "")
    assert "No space left on device; what is finished is kept" in ended.complained
    assert bool(server.asked) == bool(looks)
    assert stage.finished() == set()


def test_a_start_ends_what_a_killed_one_left_at_work(tmp_path: Path) -> None:
    left = {"SANDBOX_CASE": "of a killed start", "HOME": str(tmp_path / "run" / "work" / "9015")}
    with subprocess.Popen(["sleep", "60"], env=left, start_new_session=True) as stray:
        stage, ended, _ = one_case(tmp_path / "run")
        code = stray.poll()
        stray.kill()
    assert (ended.code, stage.finished()) == (0, set(TASKS[:1]))
    assert code == -9


DEAF = """
import asyncio
import react_agent.cli as cli
async def _uncancellable(work):
    return await work
cli._awaited = lambda work: asyncio.run(_uncancellable(work))
"""


def test_a_signal_ends_a_busy_run_in_seconds() -> None:
    row = measure("stop", busy=4)
    assert row.tried == 4
    assert list(row.wrong) == []


def test_without_its_handler_a_signal_is_no_clean_end() -> None:
    row = measure("stop", busy=4, analysis=False, before=DEAF)
    assert any("SIGTERM" in line for line in row.wrong)


PLAIN_NAMES = """
from react_agent import filenames
filenames.file_name = filenames.text_of = str
"""


@pytest.mark.parametrize("before", ["", PLAIN_NAMES])
def test_odd_ids_lose_nothing_but_with_their_plain_names(before: str) -> None:
    row = measure("ids", ids=("..", "7", "7_FAILED", "a/b"), before=before)
    assert row.reached == (not before), list(row.wrong)


UNLOCKED = """
import contextlib
from react_agent import lock
lock.only_start = lambda *_: contextlib.nullcontext()
"""


@pytest.mark.parametrize("before", ["", UNLOCKED])
def test_a_second_start_on_a_folder_is_refused_but_without_locks(before: str) -> None:
    row = measure("together", stages=1, before=before)
    assert row.tried
    assert row.reached == (not before), list(row.wrong)


UNTOLD = """
from react_agent.models.patience import refusals
refusals.PromptRefused = refusals.EndpointRefused
"""


@pytest.mark.parametrize("before", ["", UNTOLD])
def test_a_refused_prompt_ends_its_case_alone_while_it_is_told_apart(before: str) -> None:
    row = measure("refusals", kinds=("Azure",), before=before)
    assert row.reached == (not before), list(row.wrong)
