"""What a case takes away of an attempt before it."""

import asyncio
import json
from pathlib import Path

from tinyruns import program, results

from react_agent.runs import session
from react_agent.runs.settings import CaseChoice

FIRST_ANSWERS_THEN_DOES_NOT = """
import os, pathlib
case = pathlib.Path(os.environ["CASE_DIR"])
answered = pathlib.Path({answered!r})
(case / ("later.txt" if answered.exists() else "answer.txt")).write_text("5")
answered.touch()
"""


def test_an_attempt_that_is_made_again_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    settings = program(tmp_path, "none", cases=CaseChoice(instance_ids=("sum",)))
    code = FIRST_ANSWERS_THEN_DOES_NOT.format(answered=str(tmp_path / "answered"))
    (tmp_path / "agent.py").write_text(code)
    first = results(asyncio.run(session.run(settings)))["sum"]
    assert first.success
    lines = tmp_path / "run/outputs/results.jsonl"
    lines.write_text(json.dumps(first.model_dump() | {"status": "infrastructure"}) + "\n")
    again = results(asyncio.run(session.run(settings)))["sum"]
    assert (again.success, again.output_file, again.error) == (False, None, "no output")
    assert not list((tmp_path / "run/outputs").rglob("answer.txt"))
    left = {path.name for path in (tmp_path / "run/work").rglob("*.txt")}
    assert "later.txt" in left
    assert "answer.txt" not in left
