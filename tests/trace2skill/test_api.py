"""The examples of docs/api.md run as they stand: as cells of a notebook, and as a program."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pages import cells, run_cell
from project import ROOT
from stub_server import StubServer, reply

import trace2skill

*CELLS, LOOP, PROGRAM, _ = cells("api.md")


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The demo's scripted model."""
    monkeypatch.syspath_prepend(str(ROOT / "data/mini"))
    import author as script

    return script.reply


def test_the_page_s_cells_go_through_the_whole_loop(
    tmp_path: Path, author: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")

    async def notebook() -> dict[str, Any]:
        names: dict[str, Any] = {}
        ticks = 0

        async def clock() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        async with StubServer(lambda body: reply(author(body["messages"]))) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            ticking = asyncio.create_task(clock())
            for cell in CELLS:
                before = ticks
                await run_cell(cell, names)
                assert ticks > before  # whoever else is on the loop goes on
            ticking.cancel()
        return names

    names = asyncio.run(notebook())
    printed = capsys.readouterr().out
    assert " of 4 solved" in printed
    assert {row.outcome for row in names["rows"]} <= {"solved", "failed"}
    assert names["result"].written
    assert names["result"].diff in printed
    assert (names["base"] / "error_analysis_parsed.json").is_file()
    assert names["compared"].standings[0].tasks == 4
    assert f"\n{names['pair'].verdict} " in printed
    assert "\n8 sessions\n" in printed  # four tasks, two runs


def test_the_page_s_recipe_goes_through_the_whole_loop(
    tmp_path: Path, author: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    names: dict[str, Any] = {"Path": Path, "data": Path("data/mini")}

    async def notebook() -> None:
        answer = lambda body: reply(author(body["messages"]))  # noqa: E731
        async with StubServer(answer, models=["my-model"]) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            await run_cell(LOOP, names)

    asyncio.run(notebook())
    printed = capsys.readouterr().out
    loop = names["loop"]
    assert (loop.code, loop.owed, loop.stopped) == (0, False, "")
    assert {(one.label, one.split) for one in loop.standings} >= {("no skill", "test")}
    for one in loop.standings:
        solved = sum(task.success for each in one.evaluations for task in each.results)
        assert (solved, one.tasks) == (one.solved, sum(len(e.results) for e in one.evaluations))
    assert (loop.skill / "SKILL.md").is_file()
    assert f"{loop.skill} {loop.compared.pairs[-1].verdict}\n" in printed
    assert "[ 1/" not in printed  # progress is no result


def test_the_page_s_program_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("wrong input: outputs/api/base: no such run folder")
    assert "Traceback" not in done.stderr


def test_the_package_is_light_and_every_name_is_there() -> None:
    code = (
        "import sys, trace2skill\n"
        "from trace2skill import Rollouts, Evolution, Comparison, run\n"
        "heavy = {'pydantic', 'openai', 'aiohttp', 'pandas', 'openpyxl', 'jinja2', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    for name in trace2skill.__all__:
        assert getattr(trace2skill, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = trace2skill.nothing
