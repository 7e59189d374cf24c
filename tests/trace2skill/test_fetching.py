"""The other experiments' data: from archives as their homes pack them, and from a user's folder."""

import asyncio
import json
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from project import ROOT
from pyarrow.parquet import write_table

from docvqa.collecting import collect
from docvqa.domain import DocVqaDomain
from react_agent.errors import ContractError
from trace2skill.fetching import FetchData, bring, main
from trace2skill.homes import HOMES

TABLES = ROOT / "tableqa/samples"


def fetched(name: tuple[str, str], tasks: int, into: Path, source: Path) -> Path:
    home = replace(HOMES[name], tasks=tasks)
    settings = FetchData(domain=home.domain, into=into, source=str(source))  # type: ignore[arg-type]
    return asyncio.run(bring(home, name[1], settings))


def packed(folder: Path, target: Path) -> Path:
    """As GitHub packs a repository: below a folder named for it."""
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, "Repository-abc123")
    return target


def test_a_packed_repository_and_a_folder_give_the_same(tmp_path: Path) -> None:
    name = ("wikitablequestions", "test")
    source = tmp_path / "source"
    shutil.copytree(TABLES / "wikitablequestions", source)
    (source / "csv/1-csv/1.html").write_text("not needed")
    archive = packed(source, tmp_path / "set.tar.gz")
    folders = [
        fetched(name, 10, tmp_path / "a", archive),
        fetched(name, 10, tmp_path / "b", source),
    ]
    found = [
        {path.relative_to(f).as_posix(): path.read_bytes() for path in f.rglob("*.*")}
        for f in folders
    ]
    assert found[0] == found[1]
    assert "csv/1-csv/1.csv" in found[0]
    assert "csv/1-csv/1.html" not in found[0]
    lock = json.loads((tmp_path / "a/SOURCES.lock.json").read_text())
    assert set(lock["archives"]) == {"wikitablequestions.tar.gz"}
    assert archive.is_file()
    assert fetched(name, 10, tmp_path / "a", archive) == folders[0]
    shutil.rmtree(folders[0])
    (source / "data/more.tsv").write_text("")
    with pytest.raises(ContractError, match="sha256"):
        fetched(name, 10, tmp_path / "a", packed(source, archive))


def test_tables_that_are_zipped_are_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "HiTab"
    shutil.copytree(TABLES / "hitab", source / "data")
    with zipfile.ZipFile(source / "data/tables.zip", "w") as archive:
        for path in (source / "data/tables/raw").iterdir():
            archive.write(path, f"tables/raw/{path.name}")
        archive.writestr("../../raw/escaped.json", "{}")
    shutil.rmtree(source / "data/tables")
    folder = fetched(("hitab", "test"), 8, tmp_path / "into", source)
    assert {path.name for path in (folder / "tables/raw").iterdir()} == {
        "own_1.json",
        "own_2.json",
        "escaped.json",
    }
    assert not list(tmp_path.rglob("escaped.json"))[1:]


def test_another_number_of_tasks_or_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="8 tasks instead of 9"):
        fetched(("hitab", "test"), 9, tmp_path / "into", TABLES / "hitab")
    source = tmp_path / "source"
    shutil.copytree(TABLES / "hitab", source)
    (source / "tables/raw/own_2.json").unlink()
    with pytest.raises(ContractError, match="own_2"):
        fetched(("hitab", "test"), 8, tmp_path / "into", source)
    assert not [path for path in (tmp_path / "into").iterdir() if path.name != ".fetch.lock"]


def test_a_file_of_problems(tmp_path: Path) -> None:
    source = ROOT / "math_tasks/samples/problems.jsonl"
    folder = fetched(("math", "aime2026"), 10, tmp_path / "into", source.parent)
    assert [path.name for path in folder.iterdir()] == ["problems.jsonl"]


def test_shards_and_the_challenges_own_files_give_the_same_pages(tmp_path: Path) -> None:
    samples = ROOT / "docvqa/samples"
    records = json.loads((samples / "questions.json").read_text())["data"]
    official = tmp_path / "official"
    (official / "documents").mkdir(parents=True)
    rows = []
    for record in records:
        image = samples / record["image"]
        shutil.copy(image, official / "documents" / f"{record['docId']}_0.png")
        rows.append({**record, "image": {"bytes": image.read_bytes(), "path": ""}})
    named = [{**r, "image": f"documents/{r['docId']}_0.png"} for r in records]
    (official / "val_v1.0_withQT.json").write_text(json.dumps({"data": named}))
    shards = tmp_path / "shards"
    shards.mkdir()
    for row in rows:
        row["questionId"] = str(row["questionId"])
    write_table(pyarrow.Table.from_pylist(rows[:4]), shards / "validation-00000.parquet")
    write_table(pyarrow.Table.from_pylist(rows[4:]), shards / "validation-00001.parquet")
    found = []
    for source in (official, shards):
        target = tmp_path / f"made-{source.name}"
        target.mkdir()
        collect(source, target)
        domain = DocVqaDomain(target)
        assert sorted(p.name for p in (target / "pages").iterdir()) == [
            "invoice_0.png",
            "memo_0.png",
        ]
        found.append([domain.questions[task.id] for task in domain.tasks])
    assert found[0] == found[1]
    (shards / "validation-00002.parquet").write_bytes(b"PAR1")
    (tmp_path / "again").mkdir()
    with pytest.raises(ContractError, match="validation-00002"):
        collect(shards, tmp_path / "again")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--domain", "hitab", "--set", "dapo"], "hitab has test"),
        (["--set", "dapo"], "has verified, full"),
        (["--domain", "docvqa", "--from", "one.parquet"], "6 files"),
        (["--domain", "math", "--from", "missing.parquet"], "no such file"),
    ],
)
def test_what_does_not_fit_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert main(["--into", str(tmp_path), *flags]) == 2
    assert said in capsys.readouterr().err


def test_the_licence_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HOMES, ("hitab", "test"), replace(HOMES["hitab", "test"], tasks=8))
    flags = ["--domain", "hitab", "--into", str(tmp_path), "--from", str(TABLES / "hitab")]
    assert main(flags) == 0
    assert "C-UDA" in capsys.readouterr().out
    assert all("http" in home.licence for home in HOMES.values())
