"""Nothing that a file or a server says acts on the terminal of whoever runs a command."""

import ast
import json
import logging
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest
from commands import MINI, ROOT
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from react_agent.cli import setup_logging
from react_agent.engines import progress as progressbar
from react_agent.engines.progress import progress
from react_agent.text import for_terminal, say
from trace2skill.cli import main

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b[2J\x9b31m\x9d0;title\x9c\u202e\r\b"
PACKAGES = ("src", *("spreadsheetbench", "spreadsheet_agent", "analysis"))
PACKAGES += ("skill_evolver", "reporting", "trace2skill")
OWN_COLOURS = {"src/react_agent/text.py", "trace2skill/doctor/command.py"}
"""`say` itself, and a page whose every line is made fit before it gets colours."""


def prints(path: Path) -> bool:
    calls = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call))
    return any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)


def test_every_print_goes_through_one_place() -> None:
    files = [p for name in PACKAGES for p in (ROOT / name).rglob("*.py") if "skills" not in p.parts]
    assert len(files) > 150
    assert {p.relative_to(ROOT).as_posix() for p in files if prints(p)} == OWN_COLOURS


@given(st.text(st.sampled_from(HOSTILE + "ab\n")))
def test_what_is_said_and_logged_is_fit(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []

        class Terminal:
            def write(self, part: str) -> None:
                written.append(part)

            def flush(self) -> None:
                pass

        patch.setattr("sys.stdout", Terminal())
        patch.setattr("sys.stderr", Terminal())
        setup_logging(verbose=True)
        say(text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("x").info("%s", text, exc_info=True)
        patch.setattr(progressbar, "EVERY", 0.0)
        patch.setattr("sys.stderr.isatty", lambda: False, raising=False)
        with progress(total=1, desc=text) as bar:
            bar.set_postfix({text: 1}, refresh=False)
            bar.update()
    logging.getLogger().handlers.clear()
    assert written
    assert not ACTS.search("".join(written))


def a_run(folder: Path) -> tuple[Path, Path]:
    """A run of one task with a hostile sheet in its output, a hostile result, and its data set."""
    record = json.loads((MINI / "dataset.json").read_text("utf-8"))[0]
    data, run = folder / "data", folder / "run"
    shutil.copytree(MINI / record["spreadsheet_path"], data / record["spreadsheet_path"])
    (data / "dataset.json").write_text(json.dumps([record | {"id": "a/.."}]))
    outputs = run / "outputs" / record["spreadsheet_path"]
    outputs.mkdir(parents=True)
    (gold,) = (data / record["spreadsheet_path"]).glob("*_golden.xlsx")
    book = load_workbook(gold)
    book.worksheets[0].title = "Hostile"
    output = outputs / gold.name.replace("golden", "output")
    book.save(outputs / "plain.xlsx")
    with ZipFile(outputs / "plain.xlsx") as plain, ZipFile(output, "w") as bad:
        for name in plain.namelist():
            content = plain.read(name)
            if name == "xl/workbook.xml":
                content = content.replace(b"Hostile", "\u009b31m\u202e".encode())
            bad.writestr(name, content)
    return data, run


def test_hostile_files_through_the_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = a_run(tmp_path)
    outputs = run / "outputs"
    line = {"id": HOSTILE, "input_file": HOSTILE, "status": "crash", "success": False}
    line |= {"error": HOSTILE, "finished_at": HOSTILE * 3}
    (outputs / "results.jsonl").write_text(json.dumps(line) + "\n")
    session = {"started_at": HOSTILE, "environment": {"cases": 1}, "seconds": 1.0}
    settings = {"settings": {"model": {"model": HOSTILE}}, "sessions": [session]}
    (outputs / "run.json").write_text(json.dumps(settings))
    (run / "logs").mkdir()
    flags = ["--data_path", str(data), "--output_dir", str(outputs), "--verbose"]
    assert main(["evaluate", *flags]) == 0
    verdicts = outputs / "eval_official_results.json"
    found = json.loads(verdicts.read_text())
    found["results"][0]["error"] = HOSTILE
    verdicts.write_text(json.dumps(found))
    triaged = ["--eval_results", str(verdicts), "--log_dir", str(run / "logs"), "--verbose"]
    assert main(["triage", *triaged]) == 0
    assert main(["watch", str(run), "--once"]) == 0
    said = "".join(capsys.readouterr())
    assert for_terminal(HOSTILE)[:3] in said
    assert not ACTS.search(said)
