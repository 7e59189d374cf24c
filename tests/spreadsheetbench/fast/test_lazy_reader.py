"""The lazy engine beside openpyxl: the same verdicts and messages, whatever a file holds."""

import asyncio
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from enginepairs import reported, same_books, same_verdicts
from hypothesis import given, settings
from hypothesis import strategies as st
from project import ROOT
from workbooks import PERTURBATIONS, POSITIONS, SHEET1, part, perturbed, rewrite_part

from react_agent.runs.scoring import score_run
from react_agent.seams import Reading
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheetbench.book.positions import Box
from spreadsheetbench.evaluate import main
from spreadsheetbench.fast import lazy_reader, load_proof
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring.score import score_pair
from spreadsheetbench.scoring.settings import BookScoring
from spreadsheetbench.tasks.dataset import Dataset

MINI = Dataset.load(ROOT / "data/mini")


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_change_reads_and_scores_as_by_openpyxl(
    gold: Path, tmp_path: Path, name: str
) -> None:
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    for position in "A1:F8", "A:F", "Data!B1:Z40":
        assert score_pair(gold, output, position, engine="lazy") == score_pair(
            gold, output, position, engine="openpyxl"
        )
    golds, outputs = same_books(gold), same_books(output)
    assert golds
    if outputs:
        lazy, openpyxl = (reported(gold, output, "A1:F8", engine=e) for e in ("lazy", "openpyxl"))
        assert lazy == openpyxl
        same_verdicts(golds, outputs, POSITIONS)
        same_verdicts(outputs, golds, POSITIONS)


@pytest.mark.parametrize(
    "name", ["nothing", "saved by openpyxl with its values", "formulas without a cached value"]
)
def test_usual_workbooks_are_not_left_to_openpyxl(gold: Path, tmp_path: Path, name: str) -> None:
    assert lazy_reader.read(perturbed(gold, name, tmp_path / "output.xlsx"))
    for task in MINI.tasks:
        assert lazy_reader.read(MINI.golds(task)[0]), task.id


def test_rows_are_decoded_only_where_they_are_compared(gold: Path) -> None:
    lazy_reader.kept.forget()
    book = READERS["lazy"].read(gold)
    values = book.sheets[0].values
    assert isinstance(values, lazy_reader.LazyValues)
    assert book.sheets[0].within(Box(1, 2, 1, 2)) == {(1, 2): "two"}
    assert book.sheets[0].value((1, 2)) == "two"
    assert {place for found in values.decoded.values() for place in found} == {(1, 2)}
    assert len(values) == 19


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "styles cut off": part("xl/styles.xml", "</styleSheet>", ""),
    "named style without a format": part(
        "xl/styles.xml", '(<cellStyle name="Normal") xfId="0"', r'\1 xfId="9"'
    ),
    "format of a named style without its font": part(
        "xl/styles.xml", '(<cellStyleXfs.*?fontId=)"0"', r'\1"99"'
    ),
    "many named styles": part(
        "xl/styles.xml",
        '<cellStyles count="1">(<cellStyle name=)"Normal"([^>]*>)',
        r'<cellStyles count="4">\1"Normal"\2\1"a"\2\1"Normal"\2\1"&lt;"\2',
    ),
    "named style with an unknown prefix": part(
        "xl/styles.xml", '(<cellStyle name="Normal")', r'\1 xr:uid="{0}"'
    ),
    "strict namespace": part(
        "xl/workbook.xml", "spreadsheetml/2006/main", "spreadsheetml/2006/none"
    ),
    "prefix for the namespace": lambda path: rewrite_part(
        path,
        SHEET1,
        lambda text: text.replace("<sheetData>", '<sheetData xmlns:x="urn:x">'),
    ),
    "namespace of another element": part(
        SHEET1, r'(<worksheet) xmlns=("[^"]*")([^>]*>)', r"\1\3<x xmlns=\2/>"
    ),
    "namespace in a value": part(SHEET1, r'(<worksheet) xmlns=("[^"]*")', r"\1 x=' xmlns=\2'"),
    "row in the tail": part(
        SHEET1, "</sheetData>", '</sheetData><row r="40"><c r="A40"><v>1</v></c></row>'
    ),
    "sheet in a comment": part(SHEET1, "<sheetData>", "<!--<sheetData>--><sheetData>"),
    "cdata": part(SHEET1, "<v>1</v>", "<v><![CDATA[1]]></v>"),
    "processing instruction": part(SHEET1, "<v>1</v>", "<?x y?><v>1</v>"),
    "doctype": part(SHEET1, "<worksheet", '<!DOCTYPE worksheet [<!ENTITY e "1">]><worksheet'),
    "unknown entity": part(SHEET1, "<v>one!</v>", "<v>&nix;</v>"),
    "entities": part(SHEET1, "<v>one!</v>", "<v>&lt;&#65;&#x42;&amp;\r\nx\r&#13;</v>"),
    "control character": part(SHEET1, "<v>one!</v>", "<v>\x01</v>"),
    "negative string": part(SHEET1, 't="s"><v>0<', 't="s"><v>-1<'),
    "bool of 2": part(SHEET1, 't="b"><v>1<', 't="b"><v>2<'),
    "attribute twice": part(SHEET1, '<c r="A1"', '<c r="A1" r="A1"'),
    "unbound prefix": part(SHEET1, "<row r=", '<row x:dyDescent="1" r='),
    "unbound prefix behind the number": part(SHEET1, '<row r="1"', '<row r="1" x:dyDescent="1"'),
    "row attribute twice": part(SHEET1, '<row r="1"', '<row r="1" ht="9" ht="9"'),
    "formula attribute twice": part(SHEET1, "<f>", '<f t="normal" t="normal">'),
    "formula attribute without quotes": part(SHEET1, "<f>", "<f t=normal>"),
    "formula with an unbound prefix": part(SHEET1, "<f>", '<f x:t="normal">'),
    "row attribute": part(SHEET1, '<row r="1"', '<row r="1" ht="high"'),
    "row style that is not there": part(SHEET1, '<row r="1"', '<row r="1" s="99"'),
    "rows out of order": part(SHEET1, "(<row r=.1.*?</row>)(<row.*?</row>)", r"\2\1"),
    "same row twice": part(SHEET1, "(<row r=.1.*?</row>)", r"\1\1"),
    "cell of another row": part(SHEET1, 'r="A1"', 'r="A3"'),
    "same cell twice, last empty": part(SHEET1, "(<c r=.A1.*?</c>)", r'\1<c r="A1"/>'),
    "text twice, last a number": part(SHEET1, "(<c r=.E4.*?</c>)", r'\1<c r="E4"><v>5</v></c>'),
    "two values": part(SHEET1, "<v>1</v>", "<v>1</v><v>2</v>"),
    "phonetic and rich strings": part(
        "xl/sharedStrings.xml",
        "<si><t>one</t></si>",
        "<si><r><rPr><b/></rPr><t>o</t></r><r><t> ne</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>",
    ),
    "two texts in a string": part("xl/sharedStrings.xml", "<t>one</t>", "<t>a</t><t>one</t>"),
    "escapes in a string": part("xl/sharedStrings.xml", "<t>one</t>", "<t>_x005F_x000D_ &gt;</t>"),
    "blanks between strings": part("xl/sharedStrings.xml", "<si>", "\n <si> "),
    "rich text with an unknown font": part(
        "xl/sharedStrings.xml", "<t>one</t>", "<r><rPr><sz val='x'/></rPr><t>one</t></r>"
    ),
    "string in a namespace": part("xl/sharedStrings.xml", "<si>", '<si xmlns="urn:x">'),
    "merge over values with a link": part(
        SHEET1,
        "</sheetData>",
        '</sheetData><mergeCells><mergeCell ref="A5:B7"/><mergeCell ref="B1:C2"/></mergeCells>'
        '<hyperlinks><hyperlink ref="B6" location="Data!A1"/><hyperlink ref="C1" location="x"/>'
        '<hyperlink ref="E4:H5" location="y"/><hyperlink ref="A1" location="z"/></hyperlinks>',
    ),
    "link over a column": part(
        SHEET1,
        "</sheetData>",
        '</sheetData><hyperlinks><hyperlink ref="H:H" location="y"/></hyperlinks>',
    ),
    "link over nothing": part(
        SHEET1,
        "</sheetData>",
        '</sheetData><hyperlinks><hyperlink ref="?" location="y"/></hyperlinks>',
    ),
    "merge of whole rows": part(
        SHEET1, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="1:2"/></mergeCells>'
    ),
    "property of the wrong kind": part(
        "docProps/core.xml", "(<dcterms:created[^>]*>)[^<]*", r"\1x"
    ),
    "part of another sheet": part("xl/_rels/workbook.xml.rels", "sheet2.xml", "sheet1.xml"),
    "strings as a sheet": part(
        "xl/_rels/workbook.xml.rels", "worksheets/sheet2.xml", "sharedStrings.xml"
    ),
    "a sheet as strings": part(
        "[Content_Types].xml", "/xl/sharedStrings.xml", "/xl/worksheets/sheet1.xml"
    ),
    "a sheet as styles": lambda path: rewrite_part(
        path, "xl/styles.xml", lambda text: zipfile.ZipFile(path).read(SHEET1)
    ),
    "sheet in another encoding": lambda path: rewrite_part(
        path, SHEET1, lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16")
    ),
    "a flipped byte": lambda path: flip(path),
    "a name twice": lambda path: append_twice(path),
    "another suffix": lambda path: path.rename(path.with_suffix(".xlsb")) and None,
}


def flip(path: Path) -> None:
    """In the compressed styles, which then do not match their sum."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.getinfo("xl/styles.xml").header_offset + 150] ^= 0x55
    path.write_bytes(bytes(content))


def append_twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/styles.xml", "<styleSheet/>")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files_read_and_score_as_by_openpyxl(gold: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "output.xlsx"
    shutil.copyfile(gold, output)
    lazy_reader.read(output)  # so that what is remembered of the sound file could mislead
    ODD_FILES[name](output)
    output = next(tmp_path.iterdir())
    golds, outputs = same_books(gold), same_books(output)
    assert golds
    for position in "A1:F8", "A1":
        assert score_pair(gold, output, position, engine="lazy") == score_pair(
            gold, output, position, engine="openpyxl"
        )
    if outputs:
        same_verdicts(golds, outputs, ["A1:F8", "A:C", "1:9", "A5:H7"])


@pytest.mark.parametrize("task", MINI.tasks, ids=lambda task: task.id)
def test_mini_tasks_score_as_by_openpyxl(task: object, tmp_path: Path) -> None:
    (case,), (gold,) = MINI.cases(task), MINI.golds(task)  # type: ignore[arg-type]
    golds = same_books(gold)
    assert golds
    positions = [task.answer_position, "A1:J30", "A:C"]  # type: ignore[attr-defined]
    for output in [gold, case.input_path, *xml_changes(gold, tmp_path, 12)]:
        outputs = same_books(output)
        if outputs:
            same_verdicts(golds, outputs, positions, task.answer_sheet)  # type: ignore[attr-defined]


CHANGES: list[tuple[str, str]] = [
    (r"<v>(\d)", r"<v>9\1"),
    (r"<v>[^<]*</v>", ""),
    (r"<v>[^<]*</v>", "<v>x</v>"),
    (r"<v>[^<]*</v>", "<v>1e400</v>"),
    (r"<v>[^<]*</v>", "<v>-0.5</v>"),
    (r' t="s"', ""),
    (r' s="\d+"', ""),
    (r' s="\d+"', ' s="1"'),
    (r"<c [^>]*>.*?</c>", ""),
    (r"</c>", "<v>5</v></c>"),
    (r"</row>", ""),
    (r"</sheetData>", '</sheetData><mergeCells><mergeCell ref="B2:C4"/></mergeCells>'),
]


def xml_changes(gold: Path, folder: Path, count: int) -> list[Path]:
    """Copies of gold, each with one change in its first sheet that has the place for it."""
    changed = []
    for number, (pattern, replacement) in enumerate(CHANGES[:count]):
        path = folder / f"{number}.xlsx"
        shutil.copyfile(gold, path)
        with zipfile.ZipFile(gold) as archive:
            sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        for sheet in sheets:
            try:
                part(sheet, pattern, replacement)(path)
            except AssertionError:
                continue
            changed.append(path)
            break
    return changed


TEXT = st.text(st.sampled_from("1 .5eE-+_xNa&;<>\"'é😀\r\n\t#0AF]"), max_size=8)
ESCAPED = TEXT.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
VALUE = st.one_of(
    ESCAPED,
    st.integers(-3, 70000).map(str),
    st.floats().map(repr),
    st.sampled_from(["", "1", "0", "59.9", "0.99999999", "1e5", "2958466", "-1", "60", "1.", "+5"]),
)
KINDS = ["n", "s", "s", "str", "str", "b", "e", "d", "inlineStr", "x"]
CELL = st.builds(
    "<c{}{}{}{}>{}{}</c>".format,
    st.sampled_from([' r="B2"', ' r="B2"', ' r="B2"', ' r="C2"', ' r="b2"', ' r="B3"', ""]),
    st.sampled_from(["", "", ' s="0"', ' s="1"', ' s="2"', ' s="3"', ' s="4"', ' s="9"', ' s=""']),
    st.sampled_from(["", *(f' t="{kind}"' for kind in KINDS)]),
    st.sampled_from(["", "", "", ' cm="1"', ' ph="1"', ' x="1"', " "]),
    st.sampled_from(["", "", "<f>A1</f>", "<f/>", '<f t="shared" si="0"/>', "<f >1>2</f>", "<f"]),
    st.one_of(
        VALUE.map("<v>{}</v>".format),
        VALUE.map("<v>{}</v>".format),
        st.sampled_from(["", "<v/>", "<v />", "<is/>", "<v>1</v><v>2</v>", "<v><x/></v>"]),
        ESCAPED.map("<is><t>{}</t></is>".format),
        ESCAPED.map('<is><t xml:space="preserve">{}</t></is>'.format),
        ESCAPED.map("<is><r><t>{}</t></r></is>".format),
        ESCAPED.map('<v xml:space="preserve">{}</v>'.format),
    ),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=3), st.booleans())
def test_any_cell_reads_as_by_openpyxl(
    gold: Path, tmp_path_factory: pytest.TempPathFactory, cells: list[str], linked: bool
) -> None:
    path = tmp_path_factory.mktemp("cells") / "cells.xlsx"
    write_cells(gold, path, cells, linked)
    books = same_books(path)
    if books:
        same_verdicts(books, books, ["B2", "A1:C3"])


def write_cells(gold: Path, path: Path, cells: list[str], linked: bool) -> None:
    links = '<hyperlinks><hyperlink ref="B2" location="there"/></hyperlinks>' if linked else ""
    with zipfile.ZipFile(gold) as base, zipfile.ZipFile(path, "w") as archive:
        for name in base.namelist():
            content = base.read(name)
            if name == SHEET1:
                text = content.decode()
                head, tail = text.split("<sheetData>")[0], text.split("</sheetData>")[1]
                row = f'<row r="2">{"".join(cells)}</row>'
                content = f"{head}<sheetData>{row}</sheetData>{links}{tail}".encode()
            archive.writestr(name, content)


def test_what_is_remembered_is_told_by_content(gold: Path, tmp_path: Path) -> None:
    load_proof.forget()
    for name in "number", "text gone", "nothing", "formulas without a cached value":
        lazy_reader.read(perturbed(gold, name, tmp_path / f"{name}.xlsx"))
    assert len(load_proof._frames) <= 4
    before = len(load_proof._frames)
    output = tmp_path / "again.xlsx"
    shutil.copyfile(gold, output)
    part(SHEET1, "<v>1</v>", "<v>12</v>")(output)
    book = lazy_reader.read(output)
    assert book
    assert book.sheets[0].value((2, 1)) == 12
    assert len(load_proof._frames) == before


def test_kept_books_stay_within_their_bytes(gold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lazy_reader._Kept()
    book = READERS["lazy"].read(gold)
    for number in range(5):
        kept.keep(bytes([number]), book, lazy_reader.KEPT_BYTES // 2)
    assert [kept.get(bytes([number])) is book for number in range(5)] == [False] * 3 + [True] * 2


def test_no_more_books_are_kept_than_are_asked_for_again(gold: Path) -> None:
    kept = lazy_reader._Kept()
    book = READERS["lazy"].read(gold)
    for number in range(lazy_reader.KEPT_BOOKS + 3):
        kept.keep(bytes([number]), book, 1)
    assert [kept.get(bytes([number])) is book for number in range(4)] == [False] * 3 + [True]


def test_engine_is_a_flag_and_the_summary_names_it(tmp_path: Path) -> None:
    tasks = MINI.tasks[:3]
    for task in tasks:
        case, gold = MINI.cases(task)[0], MINI.golds(task)[0]
        folder = tmp_path / (task.spreadsheet_path or task.id)
        folder.mkdir(parents=True)
        shutil.copyfile(gold, folder / case.output_name)
    found = []
    for engine in ("openpyxl", "lazy"):
        scoring = BookScoring(engine=engine, proof_cache="off")
        with SpreadsheetDomain(MINI, Reading(1, scoring=scoring)) as domain:
            found.append(asyncio.run(score_run(domain, tasks, tmp_path)))
    assert found[0].results == found[1].results
    assert [one.summary.engine for one in found] == ["openpyxl", "lazy"]
    ids = ",".join(task.id for task in tasks)
    flags = ["--data_path", str(MINI.path), "--output_dir", str(tmp_path), "--instance_ids", ids]
    assert main([*flags, "--engine", "lazy", "--workers", "1"]) == 0


def test_public_tasks_score_as_by_openpyxl(shared_data: Path, tmp_path: Path) -> None:
    """All 200 do, as the benchmark shows; these are the smaller half of them."""
    dataset = Dataset.load(shared_data)
    size = {task.id: dataset.golds(task)[0].stat().st_size for task in dataset.tasks}
    for number, task in enumerate(sorted(dataset.tasks, key=lambda task: size[task.id])[:100]):
        gold, case = dataset.golds(task)[0], dataset.cases(task)[0]
        golds = same_books(gold)
        assert golds
        folder = tmp_path / str(number)
        folder.mkdir()
        changed = xml_changes(gold, folder, 12)[number % 12 :][:1]
        for output in [gold, case.input_path, *changed]:
            outputs = same_books(output)
            if outputs:
                same_verdicts(golds, outputs, [task.answer_position], task.answer_sheet)
