"""Lesson records cross files whole, and what does not fit is named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lessons.records import (
    FailingCell,
    LessonItem,
    LessonRecord,
    instance_id,
    load_records,
    of_tasks,
    resolve,
    save_records,
    task_of,
)
from react_agent.errors import ContractError

ITEM = LessonItem(type="failure_cause", number=1, title="t", description="d", content="c")
WORD = st.text(min_size=1, max_size=8).map(str.strip).filter(bool)
SHOWN = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
"""What may stand in a table on a terminal."""
RECORDS = st.builds(
    LessonRecord,
    instance_id=SHOWN.map(str.strip).filter(bool),
    items=st.lists(
        st.builds(
            LessonItem,
            type=st.sampled_from(["failure_cause", "failure_memory", "success_memory"]),
            number=st.integers(1, 9),
            title=WORD,
            content=WORD,
            relation_to_skill=st.just("") | WORD,
        ),
        min_size=1,
        max_size=3,
    ),
    seed=st.none() | st.integers(0, 5),
    error_class=st.sampled_from(["", "no_output"]),
    failing_cells=st.lists(st.builds(FailingCell, sheet=WORD, cell=WORD), max_size=2),
    failing_cells_total=st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDS, max_size=3))
def test_records_come_back_as_they_were(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "r.json"
    save_records(path, records)
    once = [record for number, record in enumerate(records) if record not in records[:number]]
    assert load_records(path) == once


def test_the_contract_fields_come_first_and_the_empty_ones_are_left_out(tmp_path):
    path = tmp_path / "r.json"
    save_records(path, [LessonRecord(instance_id="7-1", source_file="x.md", items=(ITEM,))])
    (entry,) = json.loads(path.read_text())
    assert entry == {
        "instance_id": "7-1",
        "source_file": "x.md",
        "items": [
            {
                "type": "failure_cause",
                "number": 1,
                "title": "t",
                "description": "d",
                "content": "c",
                "relation_to_skill": "",
            }
        ],
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{}", "expected a list of records, found dict"),
        ("[{}]", "record 1, field instance_id"),
        ('[{"instance_id": "7-1"}]', r"record 1 \(7-1\), field items"),
        ('[{"instance_id": "7-1", "items": []}]', "holds no item"),
        ('[{"instance_id": "", "items": [{"type": "failure_cause"}]}]', "field items.0.number"),
        ('[{"instance_id": 7, "items": [{"type": "x", "number": 1}]}]', "field items.0.type"),
        ("[3]", "record 1, field record"),
        ("[", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, value, words):
    path = tmp_path / "r.json"
    path.write_text(value)
    with pytest.raises(ContractError, match=words) as error:
        load_records(path)
    assert str(path) in str(error.value)


def test_a_folder_stands_for_its_record_file(tmp_path):
    with pytest.raises(ContractError, match=r"run analysis/parse_error_analysis_outputs\.py"):
        resolve(tmp_path)
    save_records(tmp_path / "parsed_error_records.json", [])
    assert load_records(tmp_path) == []
    with pytest.raises(ContractError, match="no such"):
        resolve(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("13-1",), "13-1"),
        (("CF_357", "2_CF_357_init"), "CF_357@2_CF_357_init"),
        (("13-1", "", 41), "13-1_seed_41"),
        (("13-1", "1_x", -3), "13-1@1_x_seed_-3"),
    ],
)
def test_the_task_is_found_in_an_instance_id(parts, name):
    assert instance_id(*parts) == name
    assert task_of(name) == parts[0]


def test_records_of_chosen_tasks():
    records = [LessonRecord(instance_id=i, items=(ITEM,)) for i in ("1-1_seed_3", "2-1", "3-1")]
    assert [r.instance_id for r in of_tasks(records, ["1-1", "3-1"])] == ["1-1_seed_3", "3-1"]
