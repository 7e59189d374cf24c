"""Splits cover the data set once, are alike in type where they say so, and repeat by seed."""

import json
from pathlib import Path
from typing import get_args

import pytest
from project import MINI

from react_agent.cli import BAD_INPUT, OK
from react_agent.errors import ContractError
from react_agent.files import write_json
from spreadsheetbench.tasks import splits
from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset, Task
from spreadsheetbench.tasks.settings import SplitName, Splits

SAMPLES = MINI.parent.parent / "tableqa/samples/hitab"


def tasks(cells: int, sheets: int) -> list[Task]:
    """Sheet-level tasks first, as the published halves have most of them."""
    kinds = [SHEET_LEVEL] * sheets + [CELL_LEVEL] * cells
    return [
        Task(id=f"{number}-1", instruction="", instruction_type=kind)
        for number, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize("name", get_args(SplitName))
def test_parts_hold_every_task_once_in_the_order_of_the_data_set(name: SplitName) -> None:
    whole = tasks(275, 125)
    parts = splits.make(name, whole, seed=3, folds=7)
    assert sorted(task_id for part in parts for task_id in part.ids) == sorted(t.id for t in whole)
    order = {task.id: number for number, task in enumerate(whole)}
    for part in parts:
        assert part.ids == sorted(part.ids, key=order.__getitem__)


@pytest.mark.parametrize("folds", [2, 3, 5, 8])
@pytest.mark.parametrize(("cells", "sheets"), [(275, 125), (13, 8), (9, 0), (5, 4)])
def test_folds_are_alike_in_size_and_type(folds: int, cells: int, sheets: int) -> None:
    parts = splits.kfold(tasks(cells, sheets), folds, seed=1)
    for count in (lambda p: len(p.tasks), lambda p: p.types.get(SHEET_LEVEL, 0)):
        counts = [count(part) for part in parts]
        assert max(counts) - min(counts) <= 1


def test_the_seed_decides() -> None:
    whole = tasks(275, 125)
    one, again, other = (splits.stratified(whole, seed)[0].ids for seed in (1, 1, 2))
    assert one == again != other


def test_published_halves_are_the_papers_and_said_to_differ() -> None:
    whole = tasks(275, 125)
    train, held_out = splits.published(whole)
    assert train.ids == [task.id for task in whole[:200]]
    assert held_out.ids == [task.id for task in whole[200:]]
    lines = splits.type_lines([train, held_out])
    assert lines[0] == (f"train: 200 tasks; 75 {CELL_LEVEL} (38 %), 125 {SHEET_LEVEL} (62 %)")
    assert "differ in type: 62.5 points apart" in lines[-1]
    assert "are alike in type: 0.5 points" in splits.type_lines(splits.stratified(whole, 1))[-1]


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(ContractError, match="holds 12"):
        splits.published(tasks(12, 0))
    for folds in (1, 4):
        with pytest.raises(ContractError, match="give from 2 to 3"):
            splits.kfold(tasks(3, 0), folds, 0)


def test_the_command_writes_lists_that_the_runner_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "halves.json"
    flags = ["--data_path", str(MINI), "--split", "stratified", "--seed", "4"]
    assert splits.main([*flags, "--output", str(output)]) == OK
    printed = capsys.readouterr().out
    written = json.loads(output.read_text())
    dataset = Dataset.load(MINI)
    for name, ids in written["parts"].items():
        assert [task.id for task in dataset.select(ids=ids)] == ids
        assert f"{name}: --instance_ids {','.join(ids)}" in printed
    assert splits.main([*flags, "--print", "train"]) == OK
    assert capsys.readouterr().out.strip().split(",") == written["parts"]["train"]
    assert splits.main(["--data_path", str(MINI), "--folds", "3"]) == OK
    assert "fold_3: 8 tasks" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags",
    [["--split", "published"], ["--folds", "99"], ["--split", "stratified", "--print", "nothing"]],
)
def test_the_command_refuses_in_one_line(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert splits.main(["--data_path", str(MINI), *flags]) == BAD_INPUT
    assert capsys.readouterr().err.startswith("error: ")


def test_a_data_set_of_one_unnamed_type_is_split_all_the_same(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", [{"id": n, "instruction": ""} for n in range(5)])
    parts = splits.make("stratified", Dataset.load(tmp_path).tasks, seed=0)
    assert [len(part.tasks) for part in parts] == [3, 2]
    assert "are alike in type: 0.0 points apart in Unknown" in splits.type_lines(parts)[-1]


def test_each_benchmark_has_the_papers_own_halves(tmp_path: Path) -> None:
    from math_tasks.domain import MathDomain

    path = tmp_path / "problems.jsonl"
    rows = [json.dumps({"problem": f"{n} + 1 = ?", "answer": n + 1}) for n in range(520)]
    path.write_text("\n".join(rows))
    settings = Splits(data_path=path, domain="math", output=tmp_path / "halves.json")
    train, held_out = splits.run(settings)
    assert (len(train.ids), len(held_out.ids)) == (400, 100)
    assert not set(train.ids) & set(held_out.ids)
    assert train.ids == [task.id for task in MathDomain(path).tasks[:400]]
    with pytest.raises(ContractError, match="another set"):
        splits.run(Splits(data_path=SAMPLES, domain="hitab"))
