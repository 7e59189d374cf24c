"""Proofs that outlive a process: used where they are safe, and never the reason of a verdict."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from enginepairs import same_books
from project import ROOT
from workbooks import PERTURBATIONS, perturbed, write_gold

from spreadsheetbench.evaluate import main
from spreadsheetbench.fast import lazy_reader, load_proof, proof_store
from spreadsheetbench.tasks.dataset import Dataset

MINI = Dataset.load(ROOT / "data/mini")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_proof.forget()
    proof_store.use("user")
    yield tmp_path / "cache" / "trace2skill" / "proofs"
    proof_store.use("off")
    load_proof.forget()


def proofs(store: Path) -> list[Path]:
    return [path for path in store.glob("*/*") if path.is_file()]


def anew(path: Path) -> object:
    """As another process would read it."""
    load_proof.forget()
    lazy_reader.kept.forget()
    return lazy_reader.read(path)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_kept_proof_changes_nothing(store: Path, tmp_path: Path, name: str) -> None:
    gold = write_gold(tmp_path / "gold.xlsx")
    anew(gold)
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    same_books(output)
    load_proof.forget()
    same_books(output)


def test_a_kept_proof_is_used(store: Path, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold.xlsx")
    assert anew(gold)
    (proof,) = proofs(store)
    proof.write_text(proof.read_text().replace('"Data"', '"Told"'))
    book = anew(gold)
    assert isinstance(book, lazy_reader.Book)
    assert book.names[0] == "Told"


def test_when_it_was_saved_does_not_tell_two_packages_apart(store: Path, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold.xlsx")
    for year in range(2000, 2004):
        book = openpyxl.load_workbook(gold, data_only=True)
        book.properties.created = book.properties.created.replace(year=year)
        book.save(tmp_path / f"{year}.xlsx")
        assert anew(tmp_path / f"{year}.xlsx")
    assert len(proofs(store)) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"sheets": 1}'])
def test_a_damaged_proof_is_proven_anew(store: Path, tmp_path: Path, content: bytes) -> None:
    gold = write_gold(tmp_path / "gold.xlsx")
    anew(gold)
    (proof,) = proofs(store)
    proof.write_bytes(content)
    assert anew(gold)
    assert proof.read_bytes() != content


def test_a_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = proof_store.user_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    proof_store.use("user")
    try:
        assert anew(write_gold(tmp_path / "gold.xlsx"))
        assert not proofs(folder)
    finally:
        proof_store.use("off")


def test_old_proofs_make_room(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / "old" / str(number)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(proof_store.MAX_BYTES // 2)
        os.utime(path, (number, number))
    proof_store._make_room(tmp_path)
    assert sorted(path.name for path in proofs(tmp_path)) == ["3", "4"]


def test_a_scoring_run_leaves_its_proofs_unless_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    task = MINI.tasks[0]
    case, gold = MINI.cases(task)[0], MINI.golds(task)[0]
    folder = tmp_path / "outputs" / (task.spreadsheet_path or task.id)
    folder.mkdir(parents=True)
    shutil.copyfile(gold, folder / case.output_name)
    flags = ["--data_path", str(MINI.path), "--output_dir", str(tmp_path / "outputs")]
    flags += ["--instance_ids", task.id, "--workers", "1"]
    assert main([*flags, "--proof_cache", "off"]) == 0
    assert not proofs(proof_store.user_folder())
    results = tmp_path / "outputs" / "eval_official_results.json"
    first = results.read_bytes()
    for _ in range(2):
        assert main(flags) == 0
        assert proofs(proof_store.user_folder())
        assert results.read_bytes() == first
