"""The demo's scripted model: its ways are what they claim, and its cassette replays."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from project import MINI, ROOT, SKILLS

from react_agent.models.replay.cassette import read_cassette
from react_agent.skills import find_skill
from spreadsheet_agent import rollouts
from spreadsheetbench.scoring.score import score_pair
from spreadsheetbench.tasks.dataset import Dataset

RECALC = SKILLS / "xlsx/scripts/recalc.py"
DATA = Dataset.load(MINI)
SOLUTIONS = sorted((MINI / "solutions").glob("*.py"))


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(MINI))
    return __import__("author_model")


def passes(solution: Path, folder: Path, *, recalculated: bool) -> bool:
    """Run a solution where an agent would, and score what it leaves."""
    task = DATA.by_id[solution.name.split(".")[0]]
    (case,), (gold,) = DATA.cases(task), DATA.golds(task)
    (folder / "input.xlsx").write_bytes(case.input_path.read_bytes())
    subprocess.run([sys.executable, str(solution)], cwd=folder, check=True, capture_output=True)
    output = folder / "output.xlsx"
    if recalculated:
        subprocess.run([sys.executable, str(RECALC), str(output)], check=True, capture_output=True)
    return score_pair(gold, output, task.answer_position).passed


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_sound_ways_pass_and_mistaken_ones_do_not(solution: Path, tmp_path: Path) -> None:
    mistaken = solution.name.endswith((".naive.py", ".first.py"))
    assert passes(solution, tmp_path, recalculated=True) != mistaken


def test_formulas_without_values_do_not_pass(tmp_path: Path) -> None:
    for values in (MINI / "solutions").glob("*.values.py"):
        formulas = values.with_name(values.name.replace(".values", ""))
        assert not passes(formulas, tmp_path, recalculated=False)


@pytest.mark.parametrize(("name", "solved"), [(None, 10), ("xlsx-basic", 10), ("xlsx", 21)])
def test_a_skill_is_worth_what_its_advice_cures(author: Any, name: str | None, solved: int) -> None:
    skill = find_skill(SKILLS, name).body if name else ""
    recalc = "recalc.py" if name == "xlsx" else ""
    ways = [author.choose(task.id, skill, recalc) for task in DATA.tasks]
    assert sum(not way.mistaken for way in ways) == solved


@pytest.mark.parametrize("half", [DATA.tasks[:12], DATA.tasks[12:]], ids=["training", "held-out"])
def test_every_trap_of_the_held_out_half_can_be_learned(author: Any, half: Any) -> None:
    held_out = {task.id for task in DATA.tasks[12:]}
    for trap in author.TRAPS:
        if held_out.intersection(trap.tasks) and trap.cure != "(?!)":
            assert {task.id for task in half}.intersection(trap.tasks), trap.name


def test_advice_without_a_script_leads_to_computed_values(author: Any) -> None:
    way = author.choose("9001", "Formulas have no cached value; recalculate.", "")
    assert way.solution.name == "9001.values.py"


def test_an_unknown_role_is_an_error(author: Any) -> None:
    with pytest.raises(LookupError, match="no role"):
        __import__("author").reply([{"role": "system", "content": "You are a poet."}])


def test_the_cassette_says_that_it_is_scripted() -> None:
    header, entries = read_cassette(MINI / "cassette.jsonl")
    assert "script" in header.note
    assert "measure nothing" in header.note
    texts = [str(message) for entry in entries for message in entry.new.values()]
    assert len(texts) > 100
    machine = (str(ROOT), "/tmp/", "Traceback", "Warning")
    assert not [text for text in texts if any(word in text for word in machine)]


def test_the_cassette_answers_the_agents_of_the_demo(tmp_path: Path) -> None:
    """A miss means that a prompt, a skill or a task has changed: run make_cassette.py."""
    for skill in ("xlsx", "xlsx-basic"):
        base = tmp_path / skill
        flags = ["--data_path", str(MINI), "--skills_dir", str(SKILLS), "--skill", skill]
        flags += ["--output_dir", str(base), "--working_dir", str(base / "work")]
        flags += ["--model", "scripted-demo-model", "--replay", str(MINI / "cassette.jsonl")]
        assert rollouts.main([*flags, "--seeds", "41", "--instance_ids", "9111,911-6"]) == 0
        results = json.loads((base / "results.json").read_text())["results"]
        assert all(result["success"] for result in results)
        for result in results:
            task = DATA.by_id[str(result["id"])]
            output = base / task.spreadsheet_path / f"1_{task.id}_output.xlsx"
            verdict = score_pair(DATA.golds(task)[0], output, task.answer_position)
            assert verdict.passed == (skill == "xlsx")
