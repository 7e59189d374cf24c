"""Every entry point explains itself, refuses bad flags in a line, and shares its exit codes."""

import argparse
import asyncio
import re
import subprocess
import sys
from importlib import import_module

import pytest
from project import ROOT

from react_agent.cli import (
    BAD_INPUT,
    INTERRUPTED,
    OK,
    run_script,
    script_parser,
)
from react_agent.errors import ContractError
from trace2skill.cli import STAGES, main
from trace2skill.data import KINDS

SCRIPTS = ["run_spreadsheetbench.py", "evaluate_with_official.py", "analyze_results.py"]


@pytest.mark.parametrize("module", [*STAGES.values(), *KINDS.values()], ids=lambda m: m[0])
def test_every_stage_has_a_main_that_explains_its_flags(
    module: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stage = import_module(module[0])
    try:
        code = stage.main(["--help"])
    except SystemExit as ended:
        code = ended.code
    assert code == OK
    said = capsys.readouterr().out
    assert "usage:" in said
    by_place = said.partition("positional arguments:\n")[2].partition("\n\n")[0]
    assert not re.search(r"^  -", by_place, re.MULTILINE), "what has no flag is not shown as one"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run_by_path(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == OK
    assert "--data_path" in done.stdout or "--eval_results" in done.stdout


def test_one_help_shows_all_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in STAGES)


def test_an_unknown_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rum"]) == BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContractError("x: wrong"), BAD_INPUT),
        (KeyboardInterrupt(), INTERRUPTED),
        (PermissionError(13, "Permission denied", "/some/file"), BAD_INPUT),
    ],
)
def test_expected_failures_are_one_line_and_a_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(args: argparse.Namespace) -> int:
        raise error

    assert run_script(work, script_parser("x"), []) == code
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "Traceback" not in shown


def test_a_bug_is_not_hidden() -> None:
    def work(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_script(work, script_parser("x"), [])


def test_a_signal_cancels_asynchronous_work_and_lets_it_clean_up() -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from react_agent.cli import run_script, script_parser\n"
        "async def work(args):\n"
        "    try:\n"
        "        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned up')\n"
        "    return 0\n"
        "sys.exit(run_script(work, script_parser('x'), []))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "cleaned up\n")
    assert done.stderr == "interrupted\n"


def test_asynchronous_work_returns_its_code() -> None:
    async def work(args: argparse.Namespace) -> int:
        await asyncio.sleep(0)
        return 7

    assert run_script(work, script_parser("x"), []) == 7
