"""Which files of its skill an agent opened, found from its commands, through compare and report."""

import base64
import hashlib
import json
import re
import time
from pathlib import Path

import pytest
from reporting_runs import make_world

from react_agent.model import Message
from react_agent.runs.activation import openings
from react_agent.runs.logs import Log, find_logs
from reporting.comparing import command as compare
from reporting.page import command as report

FILES = ("SKILL.md", "references/dates.md", "references/sums.md", "scripts/recalc.py")


def log(*commands: str) -> Log:
    calls = [json.dumps({"name": "bash", "arguments": {"command": one}}) for one in commands]
    says = [Message(role="assistant", content=f"Action: {call}") for call in calls]
    return Log((Message(role="system", content="read references/dates.md"), *says), {})


@pytest.mark.parametrize(
    ("command", "opened"),
    [
        ("cat /skills/xlsx/references/dates.md", ["references/dates.md"]),
        ("cat '../xlsx/references/dates.md' | head", ["references/dates.md"]),
        ("cat /skills/xlsx/references/*.md", ["references/dates.md", "references/sums.md"]),
        ("cd /skills/xlsx/references && cat dates.md", ["references/dates.md"]),
        ("python /skills/xlsx/scripts/recalc.py out.xlsx", ["scripts/recalc.py"]),
        ("import runpy; runpy.run_path('/skills/xlsx/scripts/recalc.py')", ["scripts/recalc.py"]),
        ("head -5 /skills/xlsx/SKILL.md", ["SKILL.md"]),
        ("xlsx", ["SKILL.md"]),
        ("ls /skills/xlsx/references/", []),
        ("ls -R /skills/xlsx", []),
        ("cat references/dates.md.bak", []),
        ("cat my-references/dates.mdx; cat dates.md", []),
        ("cat *.md", []),
        ("cat /skills/xlsx/ref*/d*.md", ["references/dates.md"]),
        ("cat other/SKILL.md", []),
    ],
)
def test_a_file_is_open_when_a_command_names_it(command: str, opened: list[str]) -> None:
    assert [one.file for one in openings(log(command), "xlsx", FILES)] == opened


def test_each_file_counts_once_where_it_was_first_opened() -> None:
    found = openings(
        log("ls", "cat /s/xlsx/references/dates.md", "cat /s/xlsx/references/*.md"), "xlsx", FILES
    )
    assert [(one.file, one.step) for one in found] == [
        ("references/dates.md", 2),
        ("references/sums.md", 3),
    ]


def test_a_pasted_file_is_looked_through_in_time() -> None:
    pasted = base64.b64encode(hashlib.shake_128(b"a workbook").digest(60_000)).decode()
    began = time.process_time()
    assert openings(log(f"echo {pasted} | base64 -d > out.xlsx"), "xlsx", FILES) == ()
    assert time.process_time() - began < 0.5


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Two runs; in the second the trajectories of two tasks read a reference."""
    world = make_world(tmp_path)
    for run in (world.first, world.second):
        settings = run / "outputs" / "run.json"
        record = json.loads(settings.read_text())
        record["sessions"][-1]["environment"]["skill_files"] = list(FILES[1:])
        settings.write_text(json.dumps(record))
    for name, file in find_logs(world.second / "logs"):
        if name.task_id in ("9001", "901-3"):
            text = file.read_text()
            assert "echo one" in text
            file.write_text(text.replace("echo one", "cat /s/xlsx/references/dates.md"))
    return [str(world.first), str(world.second)]


def test_compare_and_report_say_who_read_and_what_came_of_it(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main([*runs, "--json", str(tmp_path / "c.json")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "A opened files of its skill in 0 of 4 trajectories (solved 25.0 % of the others)" in said
    )
    assert "B opened files of its skill in 2 of 4 trajectories" in said
    assert "never: references/sums.md, scripts/recalc.py" in said
    standing = json.loads((tmp_path / "c.json").read_text())["standings"][1]["reading"]
    assert (standing["opened"], standing["accuracy_read"]) == ({"references/dates.md": 2}, 1.0)
    page = tmp_path / "page.html"
    assert report.main([*runs, "--output", str(page)]) == 0
    found = re.search(r'id="index">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    second = json.loads(found[1])["runs"][1]
    assert second["opened"]["9001"] == [["references/dates.md", 1]]
    assert second["opened"]["9012"] == []
