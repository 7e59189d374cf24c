"""The audit finds what is known to be wrong with the public data, and what we break ourselves."""

import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from openpyxl import Workbook

from react_agent.engines.workers import WorkLimits
from spreadsheetbench.audit.data_set import audit
from spreadsheetbench.audit.task import Finding, examine
from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset

Cells = dict[str, object]


def book(path: Path, sheets: dict[str, Cells]) -> None:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, cells in sheets.items():
        sheet = workbook.create_sheet(name)
        for cell, value in cells.items():
            sheet[cell] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)


class Maker:
    """Builds a data set of one-cell tasks; each test then breaks something."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records: list[dict[str, object]] = []

    def task(
        self,
        task_id: str,
        position: str = "A1",
        *,
        given: Cells | None = None,
        gold: Cells | None = None,
        sheet: str = "Data",
        more: dict[str, Cells] | None = None,
        **fields: object,
    ) -> Path:
        record = {"id": task_id, "instruction": "do it", "answer_position": position}
        self.records.append({**record, "instruction_type": CELL_LEVEL, **fields})
        folder = self.root / "spreadsheet" / task_id
        book(folder / f"1_{task_id}_init.xlsx", {sheet: given or {"A1": 1}, **(more or {})})
        book(folder / f"1_{task_id}_golden.xlsx", {sheet: gold or {"A1": 2}, **(more or {})})
        return folder

    def dataset(self) -> Dataset:
        (self.root / "dataset.json").write_text(json.dumps(self.records))
        return Dataset.load(self.root)

    def look(self) -> list[Finding]:
        dataset = self.dataset()
        return [finding for task in dataset.tasks for finding in examine(dataset, task)]


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "set")


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_task_has_no_findings(maker: Maker) -> None:
    maker.task("1")
    assert maker.look() == []


KNOWN = [
    ("130-9", "error", "gold fails"),
    ("13-1", "warning", "input passes"),
    ("73-45", "warning", "input passes"),
    ("168-17", "warning", "empty gold"),
    ("414-20", "warning", "empty gold"),
    ("534-26", "warning", "empty gold"),
    ("524-31", "warning", "uncalculated gold"),
    ("535-20", "warning", "wide preview"),
    ("341-40", "note", "rounding tie"),
    ("60-7", "warning", "sheet not named"),
    ("283-32", "warning", "gold fails by other rules"),
    ("49300", "warning", "gold fails by other rules"),
    ("156-14", "note", "malformed position"),
]


@pytest.mark.parametrize(("task_id", "severity", "kind"), KNOWN)
def test_known_faults_of_the_public_data(
    shared_data: Path, task_id: str, severity: str, kind: str
) -> None:
    dataset = Dataset.load(shared_data)
    found = examine(dataset, dataset.by_id[task_id])
    assert (severity, kind) in {(finding.severity, finding.kind) for finding in found}
    assert {finding.task_id for finding in found} == {task_id}


def test_sound_tasks_of_the_public_data_have_no_findings(shared_data: Path) -> None:
    dataset = Dataset.load(shared_data)
    assert [
        f for i in ("105-24", "12307", "34033") for f in examine(dataset, dataset.by_id[i])
    ] == []


def test_the_mix_of_the_training_half(shared_data: Path) -> None:
    found = audit(shared_data, start=60, end=62)
    assert (found.tasks, found.test_cases, found.usable) == (2, 2, 2)
    types = Counter(task.instruction_type for task in Dataset.load(shared_data).tasks)
    assert types == {SHEET_LEVEL: 125, CELL_LEVEL: 75}


def test_published_halves_of_different_mixes_are_told(tmp_path: Path) -> None:
    types = [SHEET_LEVEL] * 125 + [CELL_LEVEL] * 275
    rows = [
        {"id": n, "instruction": "", "instruction_type": t, "answer_position": "A1"}
        for n, t in enumerate(types)
    ]
    (tmp_path / "dataset.json").write_text(json.dumps(rows))
    found = audit(tmp_path)
    assert [split.name for split in found.splits] == ["0:200", "200:400"]
    assert found.splits[0].types == {SHEET_LEVEL: 125, CELL_LEVEL: 75}
    balance = only([f for f in found.findings if f.kind == "balance"])
    assert "0:200 has 125 sheet + 75 cell; 200:400 has 200 cell" in balance.message
    assert found.usable == 0
    assert sum(f.kind == "missing files" for f in found.findings) == 400


def test_a_slice_is_judged_alone(maker: Maker) -> None:
    for task_id in ("1", "2", "3"):
        maker.task(task_id)
    maker.task("4", gold={"A1": 1})
    maker.dataset()
    assert audit(maker.root, start=0, end=3).findings == ()
    assert only(list(audit(maker.root, start=3).findings)).task_id == "4"
    nothing = audit(maker.root, start=9)
    assert only(list(nothing.findings)).message == "no task in 9: of 4"


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ('[{"id": "a", "instruction": "x"}, {"id": "a", "instruction": "y"}]', "has the id 'a'"),
        ('[{"id": "a"}]', "record 1, field instruction"),
        ("[{]", "is not JSON"),
        ("[]", "holds no record"),
    ],
)
def test_a_broken_index_is_one_finding(tmp_path: Path, index: str, reason: str) -> None:
    (tmp_path / "dataset.json").write_text(index)
    found = audit(tmp_path)
    assert reason in only(list(found.findings)).message
    assert found.usable == 0


@pytest.mark.parametrize("missing", ["folder", "init", "golden"])
def test_missing_files(maker: Maker, missing: str) -> None:
    folder = maker.task("1")
    if missing == "folder":
        folder.rename(folder.parent / "elsewhere")
    else:
        (folder / f"1_1_{missing}.xlsx").unlink()
    found = [f for f in maker.look() if f.severity == "error"]
    assert only(found).kind == "missing files"
    assert audit(maker.root).usable == 0


def test_a_folder_without_a_record(maker: Maker) -> None:
    maker.task("1")
    folder = maker.task("2")
    maker.records.pop()
    maker.dataset()
    finding = only(list(audit(maker.root).findings))
    assert (finding.severity, finding.kind) == ("note", "orphan folder")
    assert folder.name in finding.message


def test_a_workbook_that_is_neither_input_nor_gold(maker: Maker) -> None:
    folder = maker.task("1")
    book(folder / "2_1_input .xlsx", {"Data": {"A1": 1}})
    assert only(maker.look()).kind == "unused workbook"


def test_a_gold_number_that_does_not_fit_the_folder(maker: Maker) -> None:
    folder = maker.task("42930")
    (folder / "1_42930_golden.xlsx").rename(folder / "1_43930_golden.xlsx")
    finding = only(maker.look())
    assert (finding.severity, finding.kind) == ("error", "gold has another name")
    assert "1_43930_output.xlsx" in finding.message
    assert "1_42930_output.xlsx" in finding.message


def test_more_inputs_than_golds(maker: Maker) -> None:
    folder = maker.task("1")
    book(folder / "2_1_init.xlsx", {"Data": {"A1": 1}})
    assert "2_1_init.xlsx has no gold" in only(maker.look()).message


@pytest.mark.parametrize(
    ("position", "severity", "words"),
    [
        ("Data'!A1", "note", "misplaced quotes"),
        ("'Data!A1'", "note", "misplaced quotes"),
        ("A:B", "warning", "open range"),
        ("A1:2", "warning", "a column letter is missing"),
        ("B2:A1", "warning", "reversed"),
        ("a1:b2", "warning", "lower case"),
        ("\xa0'Data'!A1", "note", "unusual characters"),
        ("A1:B2:C3", "warning", "more than one ':'"),
        ("'Nowhere'!A1", "warning", "no sheet 'Nowhere'"),
    ],
)
def test_malformed_positions(maker: Maker, position: str, severity: str, words: str) -> None:
    maker.task("1", position)
    found = [f for f in maker.look() if f.kind == "malformed position"]
    assert any(f.severity == severity and words in f.message for f in found), found


def test_a_comma_in_a_sheet_name_fails_even_for_gold(maker: Maker) -> None:
    maker.task("1", "'b2b, sez'!A1", sheet="b2b, sez")
    assert {(f.severity, f.kind) for f in maker.look()} == {
        ("warning", "malformed position"),
        ("error", "gold fails"),
    }


@pytest.mark.parametrize("position", ["'Data'!A1", "Data!A1:B2", "A1,B2", "'Sub O''s'!A1"])
def test_plain_positions_are_not_called_malformed(maker: Maker, position: str) -> None:
    maker.task("1", position, more={"Sub O''s": {"A1": 1}})
    assert not [f for f in maker.look() if f.kind == "malformed position"]


def test_no_position(maker: Maker) -> None:
    maker.task("1", "")
    assert only(maker.look()).kind == "no position"


@pytest.mark.parametrize(
    ("answer_sheet", "severity"),
    [("Data", "note"), ("Other", "warning"), ("Data,Other", "warning"), ("", None)],
)
def test_a_position_without_its_sheet(
    maker: Maker, answer_sheet: str, severity: str | None
) -> None:
    maker.task("1", more={"Other": {"A1": 1}}, answer_sheet=answer_sheet)
    found = [f.severity for f in maker.look() if f.kind == "sheet not named"]
    assert found == ([severity] if severity else [])


def test_a_blank_gold_range_and_an_input_that_passes(maker: Maker) -> None:
    maker.task("1", "C5:D9")
    assert {f.kind for f in maker.look()} == {"empty gold", "input passes"}


def test_gold_formulas_without_values(maker: Maker) -> None:
    maker.task("1", "A1:B1", gold={"A1": 2, "B1": "=A1*2"})
    assert only(maker.look()).kind == "uncalculated gold"


def test_a_wide_first_sheet(maker: Maker) -> None:
    maker.task("1", given={"A1": 1, "BZZ5": 1})
    assert only(maker.look()).kind == "wide preview"


def test_unknown_types_and_exclusions(maker: Maker) -> None:
    maker.task("1", instruction_type="Chart", exclude="initial passes")
    assert [f.kind for f in maker.look()] == ["unknown type", "marked for exclusion"]


@pytest.mark.parametrize("damage", ["no archive", "empty archive", "broken part"])
def test_a_broken_workbook_is_a_finding(maker: Maker, damage: str) -> None:
    folder = maker.task("1")
    path = folder / "1_1_golden.xlsx"
    if damage == "no archive":
        path.write_bytes(b"Not a workbook")
    else:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items() if damage == "broken part" else ():
                broken = content[:40] if name.startswith("xl/worksheets/sheet") else content
                archive.writestr(name, broken)
    finding = only(maker.look())
    assert (finding.severity, finding.kind) == ("error", "unreadable workbook")


def test_a_bomb_costs_one_finding_not_the_audit(maker: Maker) -> None:
    folder = maker.task("1")
    maker.task("2")
    path = folder / "1_1_golden.xlsx"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            if not name.startswith("xl/worksheets/sheet"):
                archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(600):  # megabytes of blanks in one text
                part.write(b" " * (1 << 20))
    maker.dataset()
    found = audit(maker.root, limits=WorkLimits(seconds=60, memory_mb=300))
    assert {f.task_id for f in found.findings} == {"1"}
    assert only(list(found.findings)).kind == "unreadable workbook"
