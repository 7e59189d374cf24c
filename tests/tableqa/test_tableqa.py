"""WikiTableQuestions and HiTab: files as they really are, and the official rules."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from project import ROOT, SHARED

from react_agent.errors import ContractError
from tableqa import hitab, wikitablequestions, workbook
from tableqa.table import Merged, Question, Table, Verdict
from tableqa.values import normalized, plain

OWN = ROOT / "tableqa" / "samples"

Judge = Callable[[Question, Sequence[str]], Verdict]

SETS = {
    "own wikitablequestions": (wikitablequestions, OWN / "wikitablequestions", 10),
    "own hitab": (hitab, OWN / "hitab", 8),
    "wikitablequestions": (wikitablequestions, SHARED / "wikitablequestions_sample", 637),
    "hitab": (hitab, SHARED / "hitab_sample" / "data", 200),
    "hitab dev": (hitab, SHARED / "hitab_sample" / "data" / "dev_samples.jsonl", 60),
}


@pytest.fixture(params=SETS)
def named_set(request: pytest.FixtureRequest) -> tuple[Judge, Path, list[Question]]:
    module, path, count = SETS[request.param]
    if not path.exists():
        pytest.skip(f"{path.name} is not at ../shared/data")
    index, root = module.find_index(path)
    questions = module.questions(index)
    assert len(questions) == count
    for question in questions:
        assert module.table(root, question.table).rows
    return module.verdict, path, questions


def test_gold_scores_in_full_also_as_canonical_values(
    named_set: tuple[Judge, Path, list[Question]],
) -> None:
    judge, _, questions = named_set
    for question in questions:
        assert judge(question, question.answer) == Verdict(True, True)
        if question.canonical:
            assert judge(question, question.canonical).strict


WRONG: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {
    "nothing": lambda gold: [],
    "an empty text": lambda gold: [""],
    "blanks": lambda gold: ["  "],
    "one more item": lambda gold: [*gold, "quite another"],
    "one item less": lambda gold: gold[1:],
    "the question's own words": lambda gold: ["which"],
    "no": lambda gold: ["no" if gold[0].lower() != "no" else "yes"],
    "reversed letters": lambda gold: [f"{g[::-1]}~" for g in gold],
    "joined in one cell": lambda gold: [f"{', '.join(gold)}, and more"],
    "in a sentence": lambda gold: [f"The answer to this is {g}!" for g in gold],
    "as a formula": lambda gold: [f"=B2+{g}" for g in gold],
    "as an error": lambda gold: ["#N/A" for _ in gold],
    "doubled": lambda gold: [g + g + "x" for g in gold],
    "with a unit that it has not": lambda gold: [f"{g} parsecs" for g in gold],
    "with a currency": lambda gold: [f"¤{g}" for g in gold],
    "with underscores": lambda gold: [f"1_{g}" for g in gold],
    "as an exponent": lambda gold: [f"{g}e1" for g in gold],
    "not a number": lambda gold: ["nan" for _ in gold],
    "infinite": lambda gold: ["inf" for _ in gold],
    "as code": lambda gold: [f"print({g!r})" for g in gold],
    "as JSON": lambda gold: [json.dumps({"answer": g}) for g in gold],
    "with a label": lambda gold: [f"Answer: {g}" for g in gold],
    "approximate": lambda gold: [f"~{g}" for g in gold],
    "a range": lambda gold: [f"{g}-{g}x" for g in gold],
    "negated": lambda gold: [f"not {g}" for g in gold],
    "far off": lambda gold: ["987654321.5" for _ in gold],
    "a date": lambda gold: ["1066-10-14" for _ in gold],
    "a cell's address": lambda gold: ["Table!ZZ9" for _ in gold],
    "a very long text": lambda gold: ["x" * 200_000 for _ in gold],
    "a NUL before it": lambda gold: [f"\x00{g}" for g in gold],
    "digits of another script": lambda gold: ["٧٧٧٧٧٧" for _ in gold],
    "true": lambda gold: ["true"],
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_fails(named_set: tuple[Judge, Path, list[Question]], kind: str) -> None:
    judge, _, questions = named_set
    passed = [q.id for q in questions if judge(q, WRONG[kind](q.answer)).strict]
    assert not passed


@pytest.mark.parametrize(
    ("gold", "canonical", "given", "strict", "relaxed"),
    [
        ("62,176", "62176.0", "62176", True, True),
        ("17 years", "17.0", "17", True, True),
        ("January 26, 1995", "1995-01-26", "1995-01-26", True, True),
        ("January 26, 1995", "1995-01-26", "26 Jan 1995", False, True),
        ("December", "xxxx-12-xx", "xx-12-xx", True, True),
        ("2008", "2008-xx-xx", "2008", True, True),
        ("1000", "1000.0", "1,000", False, True),
        ("1000", "1000.0", "1_000", False, False),
        ("1000", "1000.0", "1e3", False, False),
        ("C++", "", "c", True, True),
        ("Café [2]", "", "cafe", True, True),
        ('"Song" (live)', "", "song", True, True),
        ("17", "17.0", "18", False, False),
        ("2008", "2008.0", "2010", False, False),
        ("80–90", "", "80-90", True, True),
    ],
)
def test_the_rules_of_wikitablequestions(
    gold: str, canonical: str, given: str, strict: bool, relaxed: bool
) -> None:
    question = Question("q", "?", "t", (gold,), (canonical,) if canonical else ())
    found = wikitablequestions.verdict(question, [given])
    assert (found.strict, found.relaxed) == (strict, relaxed)
    assert bool(found.why) != strict


def test_a_list_in_one_cell_fails_strictly_and_the_same_item_twice_counts_once() -> None:
    question = Question("q", "?", "t", ("a", "b"))
    assert wikitablequestions.verdict(question, ["b", "a", "B"]).strict
    joined = wikitablequestions.verdict(question, ["a, b"])
    assert (joined.strict, joined.relaxed) == (False, True)


@pytest.mark.parametrize(
    ("gold", "given", "strict", "relaxed"),
    [
        (["0.876527"], ["0.876527"], True, True),
        (["0.876527"], ["0.88"], False, True),
        (["0.876527"], ["87.65%"], False, True),
        (["0.876527"], ["0.5"], False, False),
        (["5"], ["(5)"], True, True),
        (["5"], ["5%"], True, True),
        (["-5"], ["(5)"], False, False),
        (["1234"], ["1,234"], True, True),
        (["2008"], ["2010"], False, False),
        (["a", "b"], ["b", "a"], False, True),
        (["none"], ["None."], True, True),
        (["5"], ["five"], False, False),
        (["5"], ["5 dollars"], False, True),
        (["0.3"], ["0"], False, False),
    ],
)
def test_the_rules_of_hitab(gold: list[str], given: list[str], strict: bool, relaxed: bool) -> None:
    found = hitab.verdict(Question("q", "?", "t", tuple(gold)), given)
    assert (found.strict, found.relaxed) == (strict, relaxed)


def test_cells_come_through_a_workbook_as_they_are(
    tmp_path: Path, named_set: tuple[Judge, Path, list[Question]]
) -> None:
    """Gold cells that were read from the table's sheet and written as answers still pass."""
    judge, _, questions = named_set
    for question in questions[:40]:
        path = tmp_path / "book.xlsx"
        workbook.write(Table(tuple((text,) for text in question.answer)), path)
        book = load_workbook(path)
        for row, (value,) in enumerate(book[workbook.TABLE].iter_rows(values_only=True), start=1):
            book[workbook.ANSWER].cell(row, 1).value = value
        book.save(path)
        assert judge(question, workbook.answer(path).items).strict


HOSTILE = ["=1+1", "+A1", "-A1", "@SUM(A1)", "#N/A", "007", "1,00", "2020-01-01", "a\nb", "TRUE"]


@given(st.lists(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8)), min_size=1)))
@settings(max_examples=60, deadline=None)
def test_no_cell_of_a_table_becomes_a_formula(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("books") / "book.xlsx"
    workbook.write(Table((("header",), *map(tuple, rows))), path)
    sheet = load_workbook(path)[workbook.TABLE]
    for row, texts in enumerate(rows, start=2):
        for column, text in enumerate(texts, start=1):
            cell = sheet.cell(row, column)
            assert cell.data_type in ("s", "n")
            if text in HOSTILE:
                assert cell.value == text


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    """A copy of the truth is known by its digest."""
    for name in ("one", "other"):
        workbook.write(Table((("a", "1"),)), tmp_path / name, ["a"])
        time.sleep(2.1 if name == "one" else 0)  # a package counts in steps of two seconds
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_numbers_keep_how_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    workbook.write(Table((("1,234", "1.50", "-3", "0"),)), path)
    cells = next(load_workbook(path)[workbook.TABLE].iter_rows())
    assert [cell.value for cell in cells] == [1234, 1.5, -3, 0]
    assert [cell.number_format for cell in cells] == ["#,##0", "0.00", "0", "0"]


def test_merged_headers_are_merged_and_overlapping_ones_do_not_break_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "book.xlsx"
    areas = Merged(0, 0, 0, 1), Merged(0, 1, 1, 1), Merged(1, 10**9, 0, 0), Merged(-5, 0, 0, 0)
    table = Table((("a", ""), ("b", "c")), areas)
    workbook.write(table, path)
    sheet = load_workbook(path)[workbook.TABLE]
    assert [str(area) for area in sheet.merged_cells.ranges] == ["A1:B1"]
    with pytest.raises(ContractError, match="merged"):
        Table((("a",),), (Merged(0, 0, 0, 0),) * 5_000)


def test_a_quote_in_a_quoted_cell_and_a_line_end_are_read() -> None:
    table = wikitablequestions.table(OWN / "wikitablequestions", "csv/1-csv/1.csv")
    assert table.rows[2][1] == 'The "Kestrel"'
    assert table.rows[4][2] == "Cleo Park\nDan Roe"
    assert {len(row) for row in table.rows} == {6}


def test_two_quotes_are_no_quote_of_this_dialect(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('"a","","b\\\\"\n')
    assert wikitablequestions.table(tmp_path, "t.csv").rows == (("a", "", "b\\"),)
    (tmp_path / "t.csv").write_text('"a""b"\n')
    assert wikitablequestions.table(tmp_path, "t.csv").rows != (('a"b',),)


def test_csv_and_tsv_of_the_public_tables_agree() -> None:
    root = SHARED / "wikitablequestions_sample"
    if not root.is_dir():
        pytest.skip(f"{root.name} is not at ../shared/data")
    tables = sorted(root.glob("csv/*/*.csv"))
    assert len(tables) == 60
    for path in tables:
        lines = path.with_suffix(".tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
        expected = [
            [wikitablequestions._unescaped(cell) for cell in line.split("\t")] for line in lines
        ]
        rows = wikitablequestions.table(root, path.relative_to(root).as_posix()).rows
        assert [[" ".join(c.split()) for c in row] for row in rows] == [
            [" ".join(c.split()) for c in row] for row in expected
        ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no cell"),
        (b"\xff\xfe", "cannot be read"),
        (b'"a","b', "a"),
        (b"a," * 20_000, "too large"),
        (b'"' + b"x" * 200_000 + b'"', "cannot be read"),
    ],
)
def test_a_hostile_table_is_one_clear_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    if said == "a":  # an open quote at the end of a file is a cell all the same
        assert wikitablequestions.table(tmp_path, "t.csv").rows == (("a", "b"),)
        return
    with pytest.raises(ContractError, match=said) as caught:
        wikitablequestions.table(tmp_path, "t.csv")
    assert "t.csv" in str(caught.value)


@pytest.mark.parametrize("module", [wikitablequestions, hitab])
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "missing"])
def test_a_table_outside_the_data_set_or_not_there(
    tmp_path: Path, module: object, name: str
) -> None:
    with pytest.raises(ContractError):
        module.table(tmp_path, name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"texts": 3}', '{"texts": []}', '{"texts": [["a"]], "merged_regions": [{}]}'],
)
def test_a_hostile_hierarchical_table(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tables" / "raw" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ContractError, match=r"x\.json"):
        hitab.table(tmp_path, "x")


def test_without_canonical_values_nothing_is_scored(tmp_path: Path) -> None:
    """100,000 against 100000 would fail without a word."""
    root = tmp_path / "set"
    shutil.copytree(OWN / "wikitablequestions", root)
    tagged = root / "tagged/data/pristine-unseen-tables.tagged"
    lines = tagged.read_text(encoding="utf-8").splitlines(keepends=True)
    tagged.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(ContractError, match="own-10"):
        wikitablequestions.questions(wikitablequestions.find_index(root)[0])


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "JSON"), ("[" * 100_000, "JSON"), ("3", "sample"), ('{"id": 1}', "table_id")],
)
def test_a_bad_sample_names_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(line)
    with pytest.raises(ContractError, match=said) as caught:
        hitab.questions(path)
    assert "line 1" in str(caught.value)


@given(st.text(alphabet="a1[]()*# .\"'\n-", max_size=30))
def test_normalising_twice_changes_nothing_more_but_a_last_stop(text: str) -> None:
    once = normalized(text)
    assert normalized(once + "#") in {normalized(once), once}
    assert once == once.strip().lower()


@pytest.mark.parametrize("text", ["[[" * 5_000, " (" * 5_000, "#" * 9_999 + "x", "[a]" * 3_333])
@pytest.mark.timeout(5)
def test_hostile_answers_take_no_time(text: str) -> None:
    assert not wikitablequestions.verdict(Question("q", "?", "t", ("b",)), [text] * 40).strict


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_number_of_a_cell_has_no_exponent(number: float) -> None:
    text = plain(number)
    assert "e" not in text
    assert float(text) == pytest.approx(number, rel=1e-14, abs=1e-14)
