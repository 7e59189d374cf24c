"""What a report reads of workbooks equals what the scorer reads; what it shows is bounded."""

import datetime
import random
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.chart import BarChart
from openpyxl.worksheet.formula import ArrayFormula
from workbooks import PERTURBATIONS, perturbed, write_gold

from react_agent.model import Message
from react_agent.runs.logs import Log
from reporting.cells.cellgrid import MAX_COLUMNS, MAX_ROWS, GridJob, grids_of
from reporting.cells.view import asked_for
from reporting.cells.window import Rows, read_window
from reporting.runs.steps import MAX_TEXT, steps_of
from spreadsheetbench.reading.reader import OpenpyxlReader

SAMPLES = (None, 1, 2.5, "text", "", True, datetime.datetime(2024, 1, 2, 3, 4), "=A1+1", "#N/A")


def random_book(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    book = openpyxl.Workbook()
    for name in ("One", "two's"):
        sheet = book.create_sheet(name)
        for _ in range(rng.randint(0, 30)):
            cell = sheet.cell(rng.randint(1, 12), rng.randint(1, 8))
            cell.value = rng.choice(SAMPLES)
        if rng.random() < 0.6:
            column, row = rng.randint(1, 7), rng.randint(1, 14)
            end = {"end_row": row + rng.randint(0, 4), "end_column": column + 2}
            sheet.merge_cells(start_row=row, start_column=column, **end)
        if rng.random() < 0.5:
            sheet["J2"] = ArrayFormula("J2:K4", "=A1:B3*2")
    book.create_chartsheet("Chart").add_chart(BarChart())
    book.save(path)


def all_rows(names: Sequence[str]) -> Rows:
    return dict.fromkeys(names)


@pytest.mark.parametrize("seed", range(40))
def test_a_window_over_all_rows_is_what_the_reference_reads(tmp_path: Path, seed: int) -> None:
    random_book(tmp_path / "book.xlsx", seed)
    book, formulas = read_window(tmp_path / "book.xlsx", all_rows)
    reference = OpenpyxlReader().read(tmp_path / "book.xlsx")
    assert book == reference
    expected = OpenpyxlReader().formulas(tmp_path / "book.xlsx").sheets
    for name, found in expected.items():
        told = {place: (f.text, f.spills_from) for place, f in formulas.sheets[name].items()}
        assert told == {place: (f.text, f.spills_from) for place, f in found.items()}


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_window_of_any_workbook_is_what_openpyxl_reads(tmp_path: Path, name: str) -> None:
    path = perturbed(write_gold(tmp_path / "gold.xlsx"), name, tmp_path / "book.xlsx")
    try:
        reference = OpenpyxlReader().read(path)
        expected = OpenpyxlReader().formulas(path).sheets
    except Exception as error:
        with pytest.raises(type(error)):
            read_window(path, all_rows)
        return
    book, formulas = read_window(path, all_rows)
    for one, other in zip(reference.sheets, book.sheets, strict=True):
        assert (one.name, one.is_chart, one.values) == (other.name, other.is_chart, other.values)
        assert one.empty_texts == other.empty_texts
        told = {place: f.text for place, f in formulas.sheets.get(one.name, {}).items()}
        assert told == {place: f.text for place, f in expected.get(one.name, {}).items()}


def test_texts_of_formulas_and_cached_values_are_read_alike(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        sheet = book.add_worksheet("One")
        sheet.write_formula("A1", '=""', value="")
        sheet.write_formula("A2", "=1/4", value=0.25)
        sheet.write_formula("A3", "=B9", value="#REF!")
        sheet.merge_range("C1:D2", "merged")
        sheet.write("D9", "last")
    found, _ = read_window(tmp_path / "book.xlsx", all_rows)
    assert found == OpenpyxlReader().read(tmp_path / "book.xlsx")


def test_a_window_holds_the_rows_asked_for_and_no_other_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "One"  # type: ignore[union-attr]
    for row in range(1, 101):
        book["One"].append([row])
    book.create_sheet("Two")["A1"] = 1
    book.save(tmp_path / "book.xlsx")
    found, _ = read_window(tmp_path / "book.xlsx", lambda names: {"ONE": 10})
    one, two = found.sheets
    assert set(one.values) == {(1, row) for row in range(1, 11)}
    assert two.values == {}


def books(folder: Path) -> tuple[Path, Path, Path]:
    """Input, output and gold with 3,000 rows; three differ, one is an uncalculated formula."""
    paths = []
    for name in ("input", "output", "gold"):
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = "S"
        for row in range(1, 3001):
            sheet.append([row, f"name {row}", row * 2 if name != "input" else None])
        if name == "output":
            sheet["C5"], sheet["C1500"], sheet["C2999"] = "=A5*2", "x", 1
        paths.append(folder / f"{name}.xlsx")
        book.save(paths[-1])
    return paths[0], paths[1], paths[2]


def test_a_long_range_shows_the_rows_that_count(tmp_path: Path) -> None:
    given, output, gold = books(tmp_path)
    (grid,) = grids_of(GridJob(given, gold, (output,), "C1:C3000"))
    (part,) = grid["parts"]
    assert part["differing"] == 3
    assert part["hidden_differences"] == 0
    assert {4, 5, 6, 1499, 1500, 1501, 2998, 2999, 3000} <= set(part["rows"])
    assert len(part["rows"]) <= MAX_ROWS
    assert part["hidden_rows"] == 3000 - sum(1 <= row <= 3000 for row in part["rows"])
    assert part["columns"] == ["A", "B", "C", "D"]
    assert [one["cell"] for one in part["differences"]] == ["C5", "C1500", "C2999"]
    assert part["differences"][1]["types"] == "number expected, text found"
    row = part["layers"]["output"][part["rows"].index(5)]
    assert row[2] == {"v": "", "t": "blank", "f": "=A5*2"}
    assert row[1] == "name 5"
    assert part["layers"]["expected"][part["rows"].index(5)][2] == {"v": "10", "t": "number"}


def test_many_differences_in_many_columns_stay_bounded(tmp_path: Path) -> None:
    given, _, gold = books(tmp_path)
    (grid,) = grids_of(GridJob(given, given, (gold,), "A:XFD"))
    (part,) = grid["parts"]
    assert part["differing"] == 3000
    assert len(part["rows"]) <= MAX_ROWS
    assert len(part["columns"]) <= MAX_COLUMNS
    assert part["hidden_differences"] > 2900
    assert len(part["differences"]) <= 400


def test_what_is_missing_costs_only_itself(tmp_path: Path) -> None:
    given, output, gold = books(tmp_path)
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04")
    jobs = [
        GridJob(given, gold, (None,), "C1:C3"),
        GridJob(given, gold, (broken,), "C1:C3"),
        GridJob(given, None, (output,), "C1:C3"),
    ]
    absent, unreadable, unjudged = (grids_of(job)[0] for job in jobs)
    assert absent["errors"] == {"output": "there is no such workbook"}
    assert "cannot be read" in unreadable["errors"]["output"]
    assert absent["parts"][0]["layers"]["expected"][0][2] == {"v": "2", "t": "number"}
    assert unjudged["parts"][0]["differing"] == 0
    assert unjudged["parts"][0]["layers"]["output"][0][1] == "name 1"
    assert grids_of(GridJob(None, None, (None,), "")) != []


@pytest.mark.parametrize("position", ["", "Nowhere!A1", "A0:B2", "C3:A1", "!!", "A1:ZZZZ9"])
def test_an_odd_position_is_said_to_be_odd(tmp_path: Path, position: str) -> None:
    given, output, gold = books(tmp_path)
    (grid,) = grids_of(GridJob(given, gold, (output,), position))
    assert all(part.get("error") for part in grid["parts"])


def log_of(*replies: str) -> Log:
    messages = [Message(role="system", content="s"), Message(role="user", content="t")]
    for reply in replies:
        messages.append(Message(role="assistant", content=reply))
        messages.append(Message(role="user", content="Observation:\nseen"))
    return Log(tuple(messages), {})


def test_replies_become_steps() -> None:
    call = '{"name": "bash", "arguments": {"command": "ls\\npwd"}}'
    done = "ACTION: TASK_COMPLETE"
    first, second, third = steps_of(log_of(f"Thought: look\nAction:\n{call}", "What?", done))
    assert first == {"thought": "look", "tool": "bash", "command": "ls\npwd", "observation": "seen"}
    assert second["raw"] == "What?"
    assert "neither" in second["problem"]
    assert third["done"]
    assert steps_of(Log((), {})) == []


def test_long_texts_are_cut_in_the_middle() -> None:
    log = log_of("What? " + "x" * 3 * MAX_TEXT)
    (step,) = steps_of(log)
    assert len(step["raw"]) < MAX_TEXT + 100
    assert "characters left out" in step["raw"]


def test_the_prompt_names_the_position_where_no_data_set_does() -> None:
    task = "instruction:\nanswer_position: A1:B2\nanswer_sheet: S\n"
    log = Log((Message(role="user", content=task),), {})
    assert asked_for(log) == {"answer_position": "A1:B2", "answer_sheet": "S"}
