"""The README's two walks, line by line, on the bundled tasks and a real server."""

import asyncio
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from project import ROOT
from stub_server import StubServer, reply

README = (ROOT / "README.md").read_text("utf-8")


def commands(heading: str) -> str:
    """The bash blocks of one section."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL))


SMALLER = {
    "make install && . .venv/bin/activate\n": "",  # done
    "trace2skill data fetch ": "true ",  # needs a network
    "http://localhost:8000/v1": "$SERVER",
    "data/spreadsheetbench_verified/spreadsheetbench_verified_400": "data/mini",
    "Qwen3.5-122B-A10B": "scripted-demo-model",
    "--start_idx 200 --end_idx 400": "--start_idx 12 --end_idx 18",
    "--end_idx 200": "--end_idx 6",
    "--workers 128": "--workers 4",
    # The scripted model is an author of this one alone.
    "--agent cli_skill_preloaded": "--agent cli_skill_preloaded --skill xlsx-basic",
    "skills/xlsx ": "skills/xlsx-basic ",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a clone has, with outputs of its own."""
    for path in ROOT.iterdir():
        if path.name not in ("outputs", ".git", "build", "dist"):
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.syspath_prepend(str(ROOT / "data/mini"))
    return tmp_path


def bash(text: str, folder: Path) -> tuple[int, str]:
    """Run it while the demo's scripted model answers; code and what was printed."""
    import author

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        asked = body.get("messages")
        return reply(author.reply(asked)) if asked else {"data": [{"id": "scripted-demo-model"}]}

    async def run() -> tuple[int, str]:
        async with StubServer(answer) as server:
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            process = await asyncio.create_subprocess_exec(
                *("bash", "-euo", "pipefail", "-c", text),
                cwd=folder,
                env={**os.environ, "PATH": path, "SERVER": server.url},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, said.decode()

    return asyncio.run(run())


def smaller(text: str, changes: dict[str, str]) -> str:
    """A change that finds nothing would leave a line of the README untried."""
    for old, new in changes.items():
        assert old in text, f"the README no longer says {old!r}"
        text = text.replace(old, new)
    return text


def test_bring_your_model_from_the_first_line_to_the_report(folder: Path) -> None:
    code, said = bash(smaller(commands("Bring your model"), SMALLER), folder)
    assert code == 0, said[-3000:]
    assert re.search(r"undecided|better|worse", said, re.IGNORECASE)
    report = (folder / "report.html").read_text("utf-8")
    assert "held_out_evolved" in report
    assert "Did it help?" in report
    skill = "skills/xlsx-basic/SKILL.md"
    before = (ROOT / "spreadsheet_agent" / skill).read_text("utf-8")
    assert (folder / "outputs/evolved" / skill).read_text("utf-8") != before


def test_reproduce_the_paper_shows_its_plan(folder: Path) -> None:
    lines = commands("Reproduce the paper").splitlines()
    copy, plan, run, watch = (line.split("#")[0].strip() for line in lines)
    assert (run, watch) == (plan.removesuffix(" --dry-run"), "trace2skill watch outputs/reproduce")
    shorter: dict[str, Any] = tomllib.loads((ROOT / "reproduce.example.toml").read_text())
    assert (shorter["split"]["train"], shorter["split"]["test"]) == ([0, 200], [200, 400])
    changes = (
        "s#data/spread.*_400#data/mini#; s/200/12/g; s/400/24/g; s/^workers = 128/workers = 4/"
    )
    code, said = bash(
        f"export OPENAI_API_KEY=EMPTY OPENAI_BASE_URL=$SERVER\n"
        f"{copy}\nsed -i '{changes}' my.toml\n{plan}",
        folder,
    )
    assert code == 0, said[-3000:]
    assert "calls" in said
    assert not (folder / "outputs").exists()
