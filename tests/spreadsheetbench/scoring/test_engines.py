"""The second column: only formulas without a cached value, read back as openpyxl would."""

import datetime
import importlib.util
import os
import shutil
import socket
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import openpyxl
import pytest
from hostile.scene import gone, unique_seconds
from openpyxl.worksheet.formula import ArrayFormula
from workbooks import SHEET1, part, perturbed, write_gold

from react_agent.engines.workers import WorkerLost
from react_agent.errors import ContractError
from spreadsheetbench.book.book import Book, Formula, Formulas, Sheet
from spreadsheetbench.book.rules import RELEASED
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring import recalculation as engines
from spreadsheetbench.scoring.compare import parts
from spreadsheetbench.scoring.recalculation import (
    ENGINES,
    as_read,
    overlay,
    uncached,
    uncached_values,
)
from spreadsheetbench.scoring.score import ScoreJob, lost_verdict, score_case
from spreadsheetbench.scoring.settings import BookScoring

READER = READERS["openpyxl"]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold.xlsx")


@pytest.fixture
def without_values(gold: Path, tmp_path: Path) -> Path:
    return perturbed(gold, "formulas without a cached value", tmp_path / "output.xlsx")


def test_embedded_engine_gives_what_the_formulas_are_worth(without_values: Path) -> None:
    found = uncached_values(without_values)
    assert found[("Data", (3, 2))] == 4.69
    assert found[("Data", (5, 2))] == "#N/A"
    assert found[("Data", (5, 4))] == ""
    assert found[("Data", (6, 1))] is True
    assert found[("Data", (6, 2))] == "one!"
    assert found[("Data", (6, 3))] == datetime.datetime(2024, 3, 6, 9, 30)


def test_what_passes_is_not_calculated_again(without_values: Path) -> None:
    settings = BookScoring(proof_cache="off", recalculate="uncached")
    job = ScoreJob(without_values, without_values, "A1:F8", settings=settings)
    verdict = score_case(job)
    assert (verdict.passed, verdict.passed_recalculated) == (True, True)
    assert not verdict.recalculation


def test_an_output_of_another_name_counts_only_where_there_is_none_of_golds(
    gold: Path, tmp_path: Path
) -> None:
    wrong = perturbed(gold, "number", tmp_path / "wrong.xlsx")
    for output, right in ((wrong, False), (tmp_path / "none.xlsx", True)):
        job = ScoreJob(
            gold, output, "A1:F8", renamed_output=gold, settings=BookScoring(proof_cache="off")
        )
        assert score_case(job).passed_by_rules["sheet-aware"] is right


@pytest.mark.parametrize(("recalculate", "again"), [("never", None), ("uncached", False)])
def test_an_output_that_ended_its_worker_fails_by_all_rules(
    gold: Path, recalculate: Literal["never", "uncached"], again: bool | None
) -> None:
    job = ScoreJob(gold, gold, "A1:F8", settings=BookScoring(recalculate=recalculate))
    verdict = lost_verdict(job, WorkerLost("300 MB were too little"))
    assert (verdict.passed, verdict.passed_recalculated) == (False, again)
    assert set(verdict.passed_by_rules.values()) == {False}
    assert verdict.message == "Error loading workbook: 300 MB were too little"


def test_what_the_engine_leaves_undone_is_no_error(tmp_path: Path) -> None:
    """Beyond a fixed amount of work it says #NUM! of all that is left."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("S")
    for row in range(1, 8001):
        sheet.append([1, f"=SUM(A$1:A{row})"])
    book.save(tmp_path / "book.xlsx")
    found = uncached_values(tmp_path / "book.xlsx")
    assert 0 < len(found) < 8000
    assert all(value == row for (_, (_, row)), value in found.items())


def test_array_formulas_fill_the_cells_of_their_range(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    for row in range(1, 4):
        sheet.cell(row, 1, row)
    sheet["B1"] = ArrayFormula("B1:B3", "=A1:A3*2")
    sheet["C1"] = ArrayFormula("C1:XFD1048576", "=A1")
    book.save(tmp_path / "book.xlsx")
    found = uncached_values(tmp_path / "book.xlsx")
    assert [found[("Sheet", (2, row))] for row in (1, 2, 3)] == [2, 4, 6]
    assert len(found) == 4


def test_cells_with_a_cache_are_neither_asked_for_nor_overwritten(gold: Path) -> None:
    # The empty text as Excel caches it: blank to read, and yet calculated.
    part(SHEET1, '<c r="E4">', '<c r="E4" t="str">')(gold)
    book, formulas = READER.read(gold), READER.formulas(gold)
    assert uncached(book, formulas) == {}
    laid = overlay(book, {("Data", (2, 1)): 99, ("Data", (9, 9)): 5, ("Data", (9, 8)): ""})
    data = laid.sheet("Data")
    assert data
    assert (data.value((2, 1)), data.value((9, 9)), data.value((9, 8))) == (1, 5, None)


def test_an_array_with_a_cached_first_cell_is_calculated_already() -> None:
    spill = {(1, 1): Formula("=A", "General"), (1, 2): Formula("=A", "General", (1, 1))}
    formulas = Formulas({"S": spill}, counts_from_1904=False)
    assert len(uncached(Book((Sheet("S"),)), formulas)) == 2
    assert uncached(Book((Sheet("S", values={(1, 1): 5}),)), formulas) == {}


def test_only_compared_cells_are_calculated(gold: Path, without_values: Path) -> None:
    book, formulas = READER.read(without_values), READER.formulas(without_values)
    compared = parts(READER.read(gold), book, "C2:C3,F2", RELEASED)
    assert set(uncached(book, formulas, compared)) == {
        ("Data", (3, 2)),
        ("Data", (3, 3)),
        ("Data", (6, 2)),
    }


@pytest.mark.parametrize(
    ("value", "number_format", "read"),
    [
        (3.0, "General", 3),
        (3.5, "0.00", 3.5),
        (45356.5, "yyyy-mm-dd", datetime.datetime(2024, 3, 5, 12)),
        (0.5, "hh:mm", datetime.time(12)),
        (1.25, "[h]:mm", datetime.timedelta(hours=30)),
        (1e10, "yyyy-mm-dd", "#VALUE!"),
        (True, "yyyy-mm-dd", True),
        ("x", "yyyy-mm-dd", "x"),
    ],
)
def test_number_formats_decide_what_a_number_is_read_as(
    value: float, number_format: str, read: object
) -> None:
    assert as_read(value, number_format, counts_from_1904=False) == read


def test_books_that_count_from_1904_keep_their_days(tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold.xlsx", from_1904=True)
    output = perturbed(gold, "formulas without a cached value", tmp_path / "output.xlsx")
    assert READER.formulas(output).counts_from_1904
    assert uncached_values(output)[("Data", (6, 3))] == datetime.datetime(2024, 3, 6, 9, 30)


def case(gold: Path, output: Path, position: str = "A1:F8", engine: str = "betteroffice"):  # type: ignore[no-untyped-def]
    settings = BookScoring(proof_cache="off", recalculate="uncached", recalc_engine=engine)  # type: ignore[arg-type]
    return score_case(ScoreJob(gold, output, position, settings=settings))


def test_second_column_stands_beside_the_verdict(gold: Path, without_values: Path) -> None:
    verdict = case(gold, without_values)
    assert (verdict.passed, verdict.passed_recalculated) == (False, True)
    assert verdict.message == "Value mismatch at C1: expected '2', got 'None'"
    assert verdict.recalculation == "betteroffice: 8 of 8 cells computed"


@pytest.mark.parametrize(
    ("change", "passed"), [("nothing", True), ("number", False), ("cut off", False)]
)
def test_without_uncached_formulas_the_second_column_repeats_the_first(
    gold: Path, tmp_path: Path, change: str, passed: bool
) -> None:
    verdict = case(gold, perturbed(gold, change, tmp_path / "output.xlsx"))
    assert (verdict.passed, verdict.passed_recalculated) == (passed, passed)
    assert verdict.recalculation is None


def test_a_wrong_formula_fails_in_both_columns(gold: Path, without_values: Path) -> None:
    book = openpyxl.load_workbook(without_values)
    book["Data"]["C2"] = "=B2*3"
    book.save(without_values)
    verdict = case(gold, without_values)
    assert (verdict.passed, verdict.passed_recalculated) == (False, False)
    assert "Value mismatch at C2: expected '4.69', got '7.035" in str(verdict.recalculation)


def test_uncached_formulas_of_gold_are_never_calculated(gold: Path, without_values: Path) -> None:
    verdict = case(without_values, gold)
    assert (verdict.passed, verdict.passed_recalculated) == (False, False)
    assert case(without_values, without_values).passed


def test_a_book_that_the_engine_cannot_open_keeps_its_verdict(
    gold: Path, without_values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "#!/bin/sh\nexit 1\n", monkeypatch)
    verdict = case(gold, without_values, engine="libreoffice")
    assert (verdict.passed, verdict.passed_recalculated) == (False, False)
    assert verdict.recalculation == "libreoffice: RuntimeError: LibreOffice wrote no workbook"


def test_an_engine_that_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ContractError, match="install libreoffice"):
        ENGINES["libreoffice"].check()
    if importlib.util.find_spec("formulon") is None:
        with pytest.raises(ContractError, match="pip install formulon=="):
            ENGINES["formulon"].check()


SOFFICE = """#!/bin/sh
case "$1" in -env:UserInstallation=file:///*) ;; *) exit 1;; esac
while [ "$1" != --outdir ]; do shift; done
mkdir "$2" && cp "$(dirname "$0")/converted.xlsx" "$2/book.xlsx"
"""


def test_values_of_libreoffice_are_told_by_the_place_of_their_sheet(
    gold: Path, without_values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_folder = program(tmp_path, SOFFICE, monkeypatch)
    perturbed(gold, "sheet renamed", bin_folder / "converted.xlsx")
    verdict = case(gold, without_values, engine="libreoffice")
    assert verdict.passed_recalculated, verdict.recalculation


def test_libreoffice_leaves_no_process_behind(
    gold: Path, without_values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unique = unique_seconds()
    program(tmp_path, f"#!/bin/sh\nsetsid sleep {unique} &\n", monkeypatch)
    assert not case(gold, without_values, engine="libreoffice").passed_recalculated
    assert gone(unique)


LOOKS_AROUND = """#!/bin/sh
report="PATH=$PATH"
env | grep -q sk-gold-4711 && report="$report key"
cat "{secret}" 2>/dev/null | grep -q . && report="$report file"
(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && report="$report network"
bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' 2>/dev/null && report="$report network"
while [ "$1" != --outdir ]; do shift; done
mkdir "$2" && cp "$(dirname "$0")/converted.xlsx" "$2/book.xlsx"
echo "$report" > "$2/report"
exec sleep 0
"""


@pytest.mark.parametrize("confined", [True, False])
def test_libreoffice_sees_no_key_no_file_and_no_network(
    confined: bool, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that looks for all three, and finds them where it is not confined."""
    monkeypatch.setenv("API_KEY", "sk-gold-4711")
    secret = tmp_path / "secret"
    secret.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stand_in = LOOKS_AROUND.format(secret=secret, port=port)
        bin_folder = program(tmp_path, stand_in, monkeypatch)
        shutil.copyfile(gold, bin_folder / "converted.xlsx")
        kept = tmp_path / "kept"
        kept.mkdir()
        if confined:
            monkeypatch.setattr(engines.tempfile, "TemporaryDirectory", lambda: nullcontext(kept))
            uncached_values(
                perturbed(gold, "formulas without a cached value", tmp_path / "o.xlsx"),
                "libreoffice",
            )
            report = (kept / "case" / "out" / "report").read_text()
        else:
            subprocess.run([bin_folder / "soffice", "--outdir", kept / "out"], check=True)
            report = (kept / "out" / "report").read_text()
    found = {word for word in ("key", "file", "network") if word in report}
    assert found == (set() if confined else {"key", "file", "network"})


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "office" / "program" / "soffice"  # as an installation is laid out
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)
    path.parent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    return path.parent
