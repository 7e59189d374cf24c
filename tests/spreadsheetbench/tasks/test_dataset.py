"""Where a data set's files lie, what they are called, and how a bad index is reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from react_agent.errors import ContractError
from spreadsheetbench.tasks.dataset import (
    Dataset,
    gold_files,
    input_files,
    output_name,
    output_name_of_gold,
)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("1_13-1_init.xlsx", "1_13-1_output.xlsx"),
        ("2_CF_357_input.xlsx", "2_CF_357_output.xlsx"),
        ("initial.xlsx", "initial_output.xlsx"),
        ("book_input_v2.xlsx", "book_input_v2_output.xlsx"),
    ],
)
def test_output_names(name: str, output: str) -> None:
    assert output_name(name) == output


@pytest.mark.parametrize(
    ("gold", "output"),
    [
        ("1_13-1_golden.xlsx", "1_13-1_output.xlsx"),
        ("3_9_answer.xlsx", "3_9_output.xlsx"),
        ("golden.xlsx", "initial_output.xlsx"),
    ],
)
def test_output_names_from_golds(gold: str, output: str) -> None:
    assert output_name_of_gold(gold) == output


@pytest.mark.parametrize(
    ("names", "inputs", "golds"),
    [
        (
            ["1_a_input.xlsx", "1_a_answer.xlsx", "1_a_init.xlsx"],
            ["1_a_input.xlsx"],
            ["1_a_answer.xlsx"],
        ),
        (["1_a_init.xlsx", "1_a_golden.xlsx"], ["1_a_init.xlsx"], ["1_a_golden.xlsx"]),
        (["initial.xlsx", "golden.xlsx", "x.xlsx"], ["initial.xlsx"], ["golden.xlsx"]),
        (["book.xlsx", "book_answer.xlsx", "my_output.xlsx"], ["book.xlsx"], ["book_answer.xlsx"]),
        (["~$book.xlsx", "book.xlsx"], ["book.xlsx"], []),
    ],
)
def test_the_first_naming_rule_that_finds_something_counts(
    tmp_path: Path, names: list[str], inputs: list[str], golds: list[str]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert [p.name for p in input_files(tmp_path)] == inputs
    assert [p.name for p in gold_files(tmp_path)] == golds


def record(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "instruction": "do it", "answer_position": "A1"} | fields


def write(path: Path, records: list[Any]) -> Path:
    path.write_text(json.dumps(records))
    return path


@pytest.mark.parametrize("folder", ["spreadsheet/p", "p", "spreadsheet/1", "1"])
def test_the_four_places_of_workbooks(tmp_path: Path, folder: str) -> None:
    write(tmp_path / "dataset.json", [record(spreadsheet_path="p")])
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "1_1_init.xlsx").touch()
    dataset = Dataset.load(tmp_path)
    assert [c.name for c in dataset.cases(dataset.tasks[0])] == ["1_1_init"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no record"),
        ('{"id": 1}', "expected a list"),
        ('[{"instruction": "x"}]', "record 1, field id"),
        ('[{"id": 1, "instruction": null}]', "record 1, field instruction"),
        ('[{"id": true, "instruction": "x"}]', "record 1, field id"),
        ('[{"id": "", "instruction": "x"}]', "1 to 1000 characters"),
        (f'[{{"id": "{"x" * 1001}", "instruction": "x"}}]', "1 to 1000 characters"),
        ('[{"id": 1, "instruction": "x"}, {"id": "1", "instruction": "y"}]', "record 2 has the id"),
        ("[7]", "record 1"),
    ],
)
def test_a_bad_index_names_record_and_field(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(ContractError, match=complaint):
        Dataset.load(tmp_path)


def test_a_record_cannot_point_outside_the_data(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "data").mkdir()
    write(tmp_path / "data/dataset.json", [record(spreadsheet_path="../outside")])
    dataset = Dataset.load(tmp_path / "data")
    with pytest.raises(ContractError, match="no folder"):
        dataset.cases(dataset.tasks[0])


def test_jsonl_and_any_single_json_serve_as_index(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(record(id=i)) for i in (1, 2)))
    assert [t.id for t in Dataset.load(tmp_path).tasks] == ["1", "2"]
    assert [t.id for t in Dataset.load(tmp_path / "mine.jsonl").tasks] == ["1", "2"]
    write(tmp_path / "other.json", [record()])
    with pytest.raises(ContractError, match="2 json files"):
        Dataset.load(tmp_path)


def test_selection_slices_then_filters_then_shuffles_then_samples(tmp_path: Path) -> None:
    write(tmp_path / "d.json", [record(id=i) for i in range(10)])
    dataset = Dataset.load(tmp_path)
    ids = [t.id for t in dataset.select(start=2, end=8, ids=["7", "3", "9"])]
    assert ids == ["3", "7"]
    first = [t.id for t in dataset.select(shuffle_seed=1, sample=4)]
    assert first == [t.id for t in dataset.select(shuffle_seed=1)][:4]
    assert first != ["0", "1", "2", "3"]
    assert [t.id for t in dataset.select(ids=["11", "3"])] == ["3"]
    with pytest.raises(ContractError, match="no task with id 11"):
        dataset.select(ids=["11"])


@pytest.mark.parametrize("name", ["1_1_init.xlsx", "1_1_golden.xlsx"])
def test_a_workbook_that_is_a_link_is_a_problem_of_its_task(tmp_path: Path, name: str) -> None:
    write(tmp_path / "dataset.json", [record(), record(id=2)])
    (tmp_path / "secret").write_text("x")
    for task in ("1", "2"):
        (tmp_path / task).mkdir()
        for book in (f"{task}_1_init.xlsx", f"{task}_1_golden.xlsx"):
            (tmp_path / task / book).touch()
    (tmp_path / "1" / name).unlink()
    (tmp_path / "1" / name).symlink_to(tmp_path / "secret")
    dataset = Dataset.load(tmp_path)
    one, two = dataset.tasks
    with pytest.raises(ContractError, match=r"task 1: .* is a link"):
        dataset.cases(one) and dataset.golds(one)
    assert dataset.cases(two)
    assert dataset.golds(two)
