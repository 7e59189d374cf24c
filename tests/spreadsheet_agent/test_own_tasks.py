"""A user's file of tasks: the documented example is scored, hostile records are one line each."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import DONE, bash
from experiments import rollouts
from lessons import book
from project import ROOT
from stub_server import StubServer, reply

from react_agent.domains.own_tasks import OwnTasks
from react_agent.errors import ContractError
from react_agent.registry import DOMAINS, find
from react_agent.runs import session, triage
from react_agent.runs.places import Session
from react_agent.runs.settings import Triage
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import Scoring

DOCS = ROOT / "docs/your_tasks.md"
GOOD = {"id": "a", "prompt": "p", "truth": "x"}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    found = re.search(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found
    (tmp_path / "set").mkdir()
    (tmp_path / "set/sales.csv").write_text("amount\n40\n2\n")
    path = tmp_path / "set/my_tasks.yaml"
    path.write_text(found[1], encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("task_id", "answer", "passed", "error_class"),
    [
        ("total", "42", True, ""),
        ("total", "43", False, "wrong_answer"),
        ("capital", "the  city of Canberra", True, ""),
        ("capital", "canberra", False, "wrong_form"),
        ("even", "104", True, ""),
        ("even", "105", False, "wrong_answer"),
        ("even", "$(touch x); 104", False, "wrong_answer"),
    ],
)
def test_the_documented_example_is_scored(
    example: Path, tmp_path: Path, task_id: str, answer: str, passed: bool, error_class: str
) -> None:
    async def judge() -> None:
        with find(DOMAINS, "domain", "tasks")(example) as domain:
            (case,) = domain.cases(task_id)
            workspace = domain.prepare(case, tmp_path / "work")
            assert workspace.missing()
            assert (tmp_path / "work/sales.csv").is_file() == (task_id == "total")
            assert not (tmp_path / "work/my_tasks.yaml").exists()
            (tmp_path / "work/answer.txt").write_text(f"So it is.\nAnswer: {answer}\n")
            output = domain.collect(case, tmp_path / "work", tmp_path / "out")
            score = await domain.score(case, output)
            facts = await domain.facts(case, output)
            assert (score.passed, facts.error_class) == (passed, error_class)
            assert facts.check.report.startswith("Result: PASS" if passed else "Result: FAIL")
            domain.lay_out(case, tmp_path)
            assert (tmp_path / "truth.txt").is_file()

    asyncio.run(judge())


def test_the_documented_example_is_run_scored_and_triaged(example: Path, tmp_path: Path) -> None:
    def agent(body: dict[str, Any]) -> Any:
        if len(body["messages"]) > 2:
            return reply(DONE)
        asked = str(body["messages"])
        said = "Sydney" if "Australia" in asked else "42" if "sales.csv" in asked else "104"
        return reply(bash(f"echo 'Answer: {said}' > answer.txt"))

    async def run() -> Session:
        async with StubServer(agent) as server:
            return await session.run(rollouts("tasks", example, tmp_path / "run", server.url))

    assert asyncio.run(run()).owed == 0
    outputs = tmp_path / "run/outputs"
    scoring = Scoring(data_path=example, domain="tasks", output_dir=outputs)
    scored = asyncio.run(stage.run(scoring))
    passed = {result.id: result.success for result in scored.evaluations[outputs].results}
    assert passed == {"total": True, "capital": False, "even": True}
    rows = triage.run(Triage(eval_results=scored.results_file, log_dir=tmp_path / "run/logs"))
    assert {row.id for row in rows if row.outcome == "failed"} == {"capital"}


def test_a_changed_file_is_another_case(example: Path) -> None:
    domain = OwnTasks(example)
    (case,) = domain.cases("total")
    before = domain.fingerprint(case)
    (example.parent / "sales.csv").write_text("amount\n1\n2\n")
    assert domain.fingerprint(case) != before


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([GOOD, GOOD], "two records have the id 'a'"),
        ([{**GOOD, "id": "a/b"}], "'a/b' is no file name"),
        ([{**GOOD, "id": ".."}], "is no file name"),
        ([{**GOOD, "id": None}], "#1: id: "),
        ([{**GOOD, "files": ["none.csv"]}], "task a: files: 'none.csv': no such file"),
        ([{**GOOD, "files": ["../out.txt"]}], "task a: files: '../out.txt': only files below"),
        ([{**GOOD, "files": ["link"]}], "task a: files: 'link': a link that leads out"),
        ([{**GOOD, "files": ["dir/out.txt"]}], "task a: files: 'dir/out.txt': a link"),
        ([{**GOOD, "files": ["tasks.json"]}], "task a: files: 'tasks.json': it holds the truth"),
        ([{**GOOD, "files": ["same"]}], "task a: files: 'same': it holds the truth"),
        ([{**GOOD, "files": ["answer.txt"]}], "task a: files: 'answer.txt': the name is taken"),
        ([{**GOOD, "files": ["a\nb\0"]}], "no such file"),
        ([{**GOOD, "id": "x" * 300}], "id: String should have at most"),
        ([{**GOOD, "files": "x"}], "task 'a': files: "),
        ([{**GOOD, "truth": True}], "task 'a': truth.text"),
        (
            [{**GOOD, "truth": {"text": "x", "check": "true"}}],
            "truth: give either text or check, or a file",
        ),
        ([{**GOOD, "truth": " "}], "truth: give either text or check, or a file"),
        ([{"id": "a", "prompt": "p"}], "task 'a': truth: Field required"),
        ([{**GOOD, "promt": "x"}], "task 'a': promt: Extra inputs"),
        ([{**GOOD, "truth": {"file": "b.xlsx", "cells": "A1"}}], "truth: a workbook is no text"),
        (["x"], "#1: the record: "),
        ([], "holds no record"),
        ({"a": 1}, "holds no list of tasks"),
    ],
)
def test_a_hostile_record_is_refused_in_one_line(tmp_path: Path, records: Any, says: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "out.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "out.txt")
    (folder / "dir").symlink_to(tmp_path)
    (folder / "same").symlink_to("tasks.json")
    (folder / "answer.txt").write_text("x")
    path = folder / "tasks.json"
    path.write_text(json.dumps(records))
    with pytest.raises(ContractError) as refused:
        OwnTasks(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"- {id: [", b"\xff\xfe", b"!!python/object:os.system {}"])
def test_what_is_no_yaml_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=r"tasks\.yaml: cannot be read") as refused:
        OwnTasks(path)
    assert "\n" not in str(refused.value)


BOOKS = {"id": "t-1", "prompt": "Fill C.", "files": ["in.xlsx"]}
CELLS = {"file": "gold/in.xlsx", "cells": "Prices!C2:C7"}


@pytest.fixture
def workbooks(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    book(folder / "in.xlsx", solved=False)
    book(folder / "gold" / "in.xlsx", solved=True)
    (folder / "notes.txt").write_text("x")
    path = folder / "tasks.yaml"
    path.write_text(json.dumps([{**BOOKS, "truth": CELLS}, {**BOOKS, "id": "t-2", "truth": CELLS}]))
    return path


def test_a_workbook_and_its_cells_are_a_truth(workbooks: Path, tmp_path: Path) -> None:
    solved = workbooks.parent / "gold" / "in.xlsx"

    async def judge() -> None:
        with find(DOMAINS, "domain", "tasks")(workbooks) as domain:
            for task_id, passed in (("t-1", True), ("t-2", False)):
                (case,) = domain.cases(task_id)
                assert domain.scored(task_id) == [case]
                work = tmp_path / task_id
                workspace = domain.prepare(case, work)
                assert workspace.missing()
                assert sorted(path.name for path in work.iterdir()) == ["input.xlsx"]
                shutil.copy(solved if passed else work / "input.xlsx", work / "output.xlsx")
                output = domain.collect(case, work, tmp_path / "out")
                score = await domain.score(case, output)
                facts = await domain.facts(case, output)
                assert (score.passed, facts.check.passed) == (passed, passed)
                assert facts.error_class == ("" if passed else "wrong_values")

    asyncio.run(judge())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"truth": {"file": "gold/in.xlsx"}}, "file and cells go together"),
        ({"truth": {**CELLS, "text": "x"}}, "give either text or check, or a file"),
        ({"truth": {**CELLS, "cells": "Prices!C2:C7:C9"}}, "truth.cells: more than one"),
        ({"truth": {**CELLS, "cells": "?"}}, "truth.cells: "),
        ({"truth": {**CELLS, "file": "in.xlsx"}}, "truth.file: another workbook"),
        ({"truth": {**CELLS, "file": "none.xlsx"}}, "'none.xlsx': no such file"),
        ({"truth": {**CELLS, "file": "../../etc/passwd"}}, "only files below"),
        ({"files": []}, "files: one workbook"),
        ({"files": ["in.xlsx", "notes.txt"]}, "files: one workbook"),
        ({"truth": "a text"}, "all workbooks, or none is"),
        ({"id": "t-2"}, "two records have the id"),
    ],
)
def test_a_hostile_workbook_task_is_refused_in_one_line(
    workbooks: Path, change: dict[str, Any], says: str
) -> None:
    record = {**BOOKS, "truth": CELLS, **change}
    workbooks.write_text(json.dumps([record, {**BOOKS, "id": "t-2", "truth": CELLS}]))
    with pytest.raises(ContractError) as refused:
        find(DOMAINS, "domain", "tasks")(workbooks)
    message = str(refused.value)
    assert message.startswith(f"{workbooks}: ")
    assert says in message
    assert "\n" not in message
