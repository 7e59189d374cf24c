"""Where the data of the paper's other experiments lives, under which licence, and what of it is
needed. Nothing is redistributed: each user fetches it from its home, or has it already."""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from react_agent.errors import ContractError
from spreadsheetbench.tasks.fetch import Source

MOST_TABLES, MOST_TABLE_BYTES = 20_000, 16 << 20


@dataclass(frozen=True)
class Remote:
    """A file of a home; archives are unpacked."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Home:
    domain: str
    folder: str
    """Below data/."""
    files: tuple[Remote, ...]
    licence: str
    arrange: Callable[[Path, Path], None]
    """From what was unpacked, or a folder of the user's, into the empty folder of the data set."""
    tasks: int | None = None
    """As many as the data set is known to have."""
    use: str = ""
    """The slices of the paper."""


def _remote(home: str, url: str, name: str = "") -> Remote:
    return Remote(name or url.rpartition("/")[2], (Source(home=home, url=url),))


def _tables_of_questions(source: Path, target: Path) -> None:
    root = _folder_with(source, "tagged/data")
    for part in ("data", "tagged/data", "csv"):
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".tsv", ".tagged", ".csv") and path.is_file():
                if part == "csv" and path.suffix != ".csv":
                    continue
                _copy(path, target / path.relative_to(root))


def _hierarchical_tables(source: Path, target: Path) -> None:
    index = _folder_with(source, "test_samples.jsonl")
    for path in index.glob("*_samples*.jsonl"):
        _copy(path, target / path.name)
    raw = index / "tables" / "raw"
    if raw.is_dir():
        for path in raw.glob("*.json"):
            _copy(path, target / "tables" / "raw" / path.name)
    elif (index / "tables.zip").is_file():
        _unzip_tables(index / "tables.zip", target / "tables" / "raw")
    else:
        raise ContractError(
            f"{index}: holds neither tables/raw nor tables.zip; the repository's history has them: "
            "git archive ad7f390^ data/tables"
        )


def _unzip_tables(archive: Path, target: Path) -> None:
    """Only the tables, by their bare names, and within bounds."""
    try:
        with zipfile.ZipFile(archive) as package:
            names = [n for n in package.namelist() if PurePosixPath(n).match("raw/*.json")]
            if len(names) > MOST_TABLES:
                raise ContractError(f"{archive}: holds more than {MOST_TABLES} tables")
            for name in names:
                with package.open(name) as file:
                    content = file.read(MOST_TABLE_BYTES + 1)
                if len(content) > MOST_TABLE_BYTES:
                    raise ContractError(f"{archive}: {name} is larger than a table")
                path = target / PurePosixPath(name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ContractError(f"{archive}: cannot be unpacked: {error}") from None


def _problems(source: Path, target: Path) -> None:
    from math_tasks.problems import find_index

    index = find_index(source)
    _copy(index, target / index.name)


def _pages(source: Path, target: Path) -> None:
    from docvqa.collecting import collect

    collect(source, target)


def _folder_with(source: Path, name: str) -> Path:
    """An archive holds its repository in a folder of its own."""
    found = sorted(source.glob(name)) or sorted(source.glob(f"**/{name}"))
    if not found:
        raise ContractError(f"{source}: there is no {name} in it")
    return found[0].parents[len(PurePosixPath(name).parts) - 1]


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


_HUB = "https://huggingface.co/datasets"
_DOCVQA = "lmms-lab/DocVQA/resolve/main/DocVQA/validation"

HOMES: dict[tuple[str, str], Home] = {
    ("wikitablequestions", "test"): Home(
        "wikitablequestions",
        "wikitablequestions",
        (
            _remote(
                "GitHub, ppasupat/WikiTableQuestions",
                "https://codeload.github.com/ppasupat/WikiTableQuestions/tar.gz/refs/heads/master",
                "wikitablequestions.tar.gz",
            ),
        ),
        "WikiTableQuestions by Panupong Pasupat and Percy Liang, CC BY-SA 4.0:\n"
        "https://creativecommons.org/licenses/by-sa/4.0/",
        _tables_of_questions,
        4_344,
        "all of it is test data (pristine-unseen-tables)",
    ),
    ("hitab", "test"): Home(
        "hitab",
        "hitab",
        (
            _remote(
                "GitHub, microsoft/HiTab",
                "https://codeload.github.com/microsoft/HiTab/tar.gz/"
                "e04267b2ce641163dfafd907c46afd378a8f40ac",
                "hitab.tar.gz",
            ),
        ),
        "HiTab by Microsoft, Computational Use of Data Agreement (C-UDA) 1.0:\n"
        "https://github.com/microsoft/HiTab/blob/main/LICENSE",
        _hierarchical_tables,
        1_584,
        "the folder is test_samples.jsonl, the published test set; the corrected one is "
        "--data_path .../test_samples_qualitycheck.jsonl",
    ),
    ("math", "dapo"): Home(
        "math",
        "dapo_math",
        (
            _remote(
                "Hugging Face, dataset BytedTsinghua-SIA/DAPO-Math-17k",
                f"{_HUB}/BytedTsinghua-SIA/DAPO-Math-17k/resolve/main/data/dapo-math-17k.parquet",
            ),
        ),
        "DAPO-Math-17k by ByteDance Seed and Tsinghua AIR, Apache-2.0:\n"
        "https://www.apache.org/licenses/LICENSE-2.0",
        _problems,
        None,
        "each problem once; the paper's sizes are --start_idx 0 --end_idx 400 to learn from and "
        "--start_idx 400 --end_idx 500 held out (which ones it took is not published)",
    ),
    ("math", "aime2026"): Home(
        "math",
        "aime2026",
        (
            _remote(
                "Hugging Face, dataset MathArena/aime_2026",
                f"{_HUB}/MathArena/aime_2026/resolve/main/data/train-00000-of-00001.parquet",
                "aime2026.parquet",
            ),
        ),
        "AIME 2026 as collected by MathArena, CC BY-NC-SA 4.0 as its sister sets:\n"
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        _problems,
        30,
        "avg@8 is `run --repeat 8` and `evaluate --repeat 8`: the mean accuracy over the seeds",
    ),
    ("docvqa", "validation"): Home(
        "docvqa",
        "docvqa",
        tuple(
            _remote(
                "Hugging Face, dataset lmms-lab/DocVQA",
                f"{_HUB}/{_DOCVQA}-{number:05}-of-00006.parquet",
                f"docvqa-{number}.parquet",
            )
            for number in range(6)
        ),
        "DocVQA (Mathew, Karatzas, Jawahar), pages of the UCSF Industry Documents Library; the "
        "licence of the pages was not verified, read the terms at https://rrc.cvc.uab.es",
        _pages,
        5_349,
        "--start_idx 0 --end_idx 50 to learn from, --start_idx 50 held out",
    ),
}
