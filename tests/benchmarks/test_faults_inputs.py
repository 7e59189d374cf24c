"""The row `inputs` sees a command that falls over, hangs or says nothing useful; and properties of
the readers that no list of spoilt files reaches."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import inputs as faults_inputs
from rows.inputs import TARGETS, make_world, tried, trouble

from analysis.lessons.records import load_records
from react_agent.errors import ContractError
from react_agent.models.generation import GenerationConfig
from react_agent.models.replay.cassette import read_cassette
from react_agent.models.spending.prices import Prices
from react_agent.runs.verdicts import Evaluation
from spreadsheetbench.tasks.dataset import Dataset
from trace2skill.reproduce.recipe import Recipe

NAMES = {target.name: target for target in TARGETS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_good_file_is_taken(world: Path, name: str) -> None:
    assert trouble(NAMES[name], world) == ""


@pytest.mark.parametrize(
    "name", ["data set", "lesson records", "verdicts", "recipe", "run.json", "budget file"]
)
def test_spoilt_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    make_world(tmp_path)
    count, wrong = tried(NAMES[name], tmp_path, every=60, seed=7)
    assert wrong == []
    assert count > 15


def test_without_the_boundary_of_errors_it_is_seen(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bare(argv: list[str]) -> int:
        print(json.loads(Path(argv[2]).read_text())[0]["id"])
        return 0

    monkeypatch.setattr(faults_inputs, "main", bare)
    _, wrong = tried(NAMES["data set"], world, every=1, seed=0)
    assert any("traceback: FileNotFoundError" in line for line in wrong)
    assert any("traceback: UnicodeEncodeError" in line for line in wrong)
    assert any("control characters" in line for line in wrong)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Traceback (most recent call last):\n  x\nerror: it", "a traceback is printed"),
        ("it is wrong", "not refused in one line"),
        ("error: it is wrong", "not named"),
    ],
)
def test_what_a_command_says_is_judged(
    world: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str
) -> None:
    def fails(argv: list[str]) -> int:
        print(said)
        return 2

    monkeypatch.setattr(faults_inputs, "main", fails)
    assert words in trouble(NAMES["data set"], world, hopeless=True)


def test_a_command_that_hangs_is_seen(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(argv: list[str]) -> int:
        while True:
            pass

    monkeypatch.setattr(faults_inputs, "main", hangs)
    monkeypatch.setattr(faults_inputs, "SECONDS", 1)
    assert "not done" in trouble(NAMES["data set"], world)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)

ANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _evaluation(path: Path) -> object:
    return Evaluation.from_json(json.loads(path.read_text("utf-8")), path)


def _config(path: Path) -> object:
    return GenerationConfig.load(str(path))


def _cassette(path: Path) -> object:
    header, entries = read_cassette(path)
    return header, list(entries)


READERS: dict[str, Callable[[Path], object]] = {
    "dataset.json": Dataset.load,
    "records.json": load_records,
    "verdicts.json": _evaluation,
    "generation.json": _config,
    "prices.json": Prices.load,
    "cassette.jsonl": _cassette,
    "recipe.toml": Recipe.load,
}


@pytest.mark.parametrize("name", READERS)
@ANY
@given(value=ANYTHING)
def test_readers_refuse_any_json_by_one_kind_of_error(
    tmp_path: Path, name: str, value: Any
) -> None:
    _read(READERS[name], tmp_path / name, json.dumps(value).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", sorted({*READERS} - {"verdicts.json"}))
@ANY
@given(content=st.binary(max_size=200))
def test_readers_refuse_any_bytes_by_one_kind_of_error(
    tmp_path: Path, name: str, content: bytes
) -> None:
    _read(READERS[name], tmp_path / name, content)


@ANY
@given(changes=st.dictionaries(st.sampled_from(["id", "spreadsheet_path", "exclude"]), ANYTHING))
def test_a_record_of_anything_is_a_task_or_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    record = {"id": "1", "instruction": "do it", **changes}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps([record]), encoding="utf-8", errors="surrogatepass")
    found: list[Dataset] = []
    _read(lambda file: found.append(Dataset.load(file)), path, path.read_bytes())
    for dataset in found:
        assert "/" not in dataset.tasks[0].id
        assert dataset.tasks[0].id not in (".", "..")


def _read(reader: Callable[[Path], object], path: Path, content: bytes) -> None:
    path.write_bytes(content)
    words = path.name
    try:
        reader(path)
    except ContractError as error:
        words = str(error)
    assert path.name in words
