"""The bundled tasks: well formed, made by their script, and not passed by doing nothing."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from project import MINI, ROOT

from spreadsheetbench.book.rules import RULES, Rules
from spreadsheetbench.scoring.score import score_pair
from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset, Task

DATA = Dataset.load(MINI)
HALVES = (DATA.tasks[:12], DATA.tasks[12:])
RECALC = ROOT / "spreadsheet_agent/skills/xlsx/scripts/recalc.py"


@pytest.fixture(params=DATA.tasks, ids=lambda task: task.id)
def task(request: pytest.FixtureRequest) -> Task:
    found: Task = request.param
    return found


def books(task: Task) -> tuple[Path, Path]:
    """The only input and the only gold."""
    (case,), (gold,) = DATA.cases(task), DATA.golds(task)
    return case.input_path, gold


def test_two_halves_of_twelve_hold_the_same_mix() -> None:
    assert [len(half) for half in HALVES] == [12, 12]
    for half in HALVES:
        kinds = [task.instruction_type for task in half]
        assert (kinds.count(CELL_LEVEL), kinds.count(SHEET_LEVEL)) == (7, 5)


def test_ids_come_in_both_types_as_in_the_public_data() -> None:
    ids = [record["id"] for record in json.loads((MINI / "dataset.json").read_text())]
    assert {type(identity) for identity in ids} == {int, str}


def test_the_script_makes_what_is_committed(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    for name in ("one", "two"):
        script, output = str(MINI / "make_mini.py"), str(tmp_path / name)
        command = [sys.executable, "-B", script, "--output", output]
        subprocess.run(command, check=True, capture_output=True)
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    assert one == two
    committed = contents(MINI)
    assert {unpacked(name, data) for name, data in one.items()} == {
        unpacked(name, data) for name, data in committed.items()
    }


def contents(folder: Path) -> dict[str, bytes]:
    files = [folder / "dataset.json", *(folder / "spreadsheet").rglob("*.*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def unpacked(name: str, data: bytes) -> tuple[str, object]:
    """Another zlib may pack the same members into other bytes, so those are what is compared."""
    import io

    if not name.endswith(".xlsx"):
        return name, data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return name, tuple((i.filename, i.date_time, archive.read(i)) for i in archive.infolist())


def test_prompt_files_hold_the_instruction(task: Task) -> None:
    assert (DATA.folder(task) / "prompt.txt").read_text() == task.instruction + "\n"


def cells(path: Path, position: str, *, formulas: bool = False) -> dict[str, Any]:
    """The non-blank cells of a position by sheet and address, read the plainest way."""
    book = openpyxl.load_workbook(path, data_only=not formulas)
    found: dict[str, Any] = {}
    for part in position.split(","):
        sheet, _, area = part.rpartition("!")
        page = book[sheet.strip("'")] if sheet else book.worksheets[0]
        block = page[area] if ":" in area else ((page[area],),)
        for row in block:
            found |= {f"{page.title}!{c.coordinate}": c.value for c in row if c.value is not None}
    return found


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
def test_gold_passes_and_the_untouched_input_does_not(task: Task, rules: Rules) -> None:
    given, gold = books(task)
    assert cells(gold, task.answer_position)
    assert score_pair(gold, gold, task.answer_position, rules, task.answer_sheet).passed
    assert not score_pair(gold, given, task.answer_position, rules, task.answer_sheet).passed


def test_input_and_gold_have_the_same_sheets(task: Task) -> None:
    names = [[(s.title, s.sheet_state) for s in openpyxl.load_workbook(p)] for p in books(task)]
    assert names[0] == names[1]


def test_nothing_outside_the_answer_differs(task: Task) -> None:
    given, gold = (openpyxl.load_workbook(path, data_only=True) for path in books(task))
    allowed = {
        (part.rpartition("!")[0].strip("'") or given.sheetnames[0], part.rpartition("!")[2])
        for part in task.answer_position.split(",")
    }
    for before, after in zip(given, gold, strict=True):
        inside = set()
        for sheet, area in allowed:
            if sheet == before.title:
                block = before[area] if ":" in area else ((before[area],),)
                inside |= {cell.coordinate for row in block for cell in row}
        for row in range(1, max(before.max_row, after.max_row) + 1):
            for column in range(1, max(before.max_column, after.max_column) + 1):
                cell = before.cell(row, column)
                if cell.coordinate not in inside:
                    assert cell.value == after.cell(row, column).value, cell.coordinate


FORMULAS = [
    task
    for task in DATA.tasks
    if any(
        str(value).startswith("=")
        for value in cells(books(task)[1], task.answer_position, formulas=True).values()
    )
]


def test_half_of_the_cell_tasks_have_formulas_in_gold() -> None:
    assert len(FORMULAS) >= 7


@pytest.mark.parametrize("task", FORMULAS, ids=lambda task: task.id)
def test_stored_values_of_gold_are_what_an_engine_computes(task: Task, tmp_path: Path) -> None:
    gold = books(task)[1]
    emptied = tmp_path / "gold.xlsx"
    openpyxl.load_workbook(gold).save(emptied)
    assert cells(emptied, task.answer_position) != cells(gold, task.answer_position)
    subprocess.run([sys.executable, RECALC, emptied], check=True, capture_output=True)
    again, stored = (cells(path, task.answer_position) for path in (emptied, gold))
    assert again.keys() == stored.keys()
    for cell, value in stored.items():
        assert again[cell] == (pytest.approx(value) if isinstance(value, float) else value), cell
    assert score_pair(gold, emptied, task.answer_position).passed


def test_positions_come_in_several_forms() -> None:
    positions = [task.answer_position for task in DATA.tasks]
    plain = re.compile(r"[A-Z]+\d+:[A-Z]+\d+")
    assert any(plain.fullmatch(p) for p in positions)
    assert any("," in p and "!" in p for p in positions)
    assert any("," in p and "!" not in p for p in positions)
    assert any(re.fullmatch(r"'\w+'![A-Z]+\d+", p) for p in positions)
    assert any(p.count("'") == 1 for p in positions)
