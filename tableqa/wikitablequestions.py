"""WikiTableQuestions on disk: questions, canonical values, tables; and its official rules.

A data set is the repository's folder (data/, tagged/, csv/) or one of its question files.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from react_agent.errors import ContractError
from tableqa.relaxed import equal_words
from tableqa.table import Question, Table, Verdict
from tableqa.values import Date, Number, Value, value_of

TEST = "pristine-unseen-tables"
"""The test split; the seen one and the folds are training and development data."""
NEEDED = ("id", "utterance", "context", "targetValue")
LARGEST = 16 << 20
"""Bytes of a table; the largest of the data set has 0.3 MB."""


def find_index(path: Path) -> tuple[Path, Path]:
    """The question file, and the folder in which tables and canonical values lie."""
    if path.is_dir():
        return path / "data" / f"{TEST}.tsv", path
    return path, path.parent.parent


def questions(index: Path) -> list[Question]:
    """Raises ContractError naming the file, the line and the field that do not fit."""
    tagged = index.parent.parent / "tagged" / "data" / f"{index.stem}.tagged"
    canonical = _canonical(tagged)
    found = []
    for number, record in _records(index):
        answer = tuple(_items(record["targetValue"]))
        values = canonical.get(record["id"], ("", ()))
        if record["id"] not in canonical or len(values[1]) != len(answer):
            raise ContractError(
                f"{tagged}: no canonical values for {record['id']} (line {number} of {index.name})"
                "; without them right answers score as wrong"
            )
        found.append(
            Question(
                record["id"],
                _unescaped(record["utterance"]),
                record["context"],
                answer,
                values[1],
                (values[0],),
            )
        )
    return found


def table(root: Path, name: str) -> Table:
    """The table of a question. Raises ContractError where it cannot be read."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise ContractError(f"{name}: leads out of the data set")
    try:
        if path.stat().st_size > LARGEST:
            raise ContractError(f"{path}: is larger than {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
        # The quote inside a quoted cell is \" here, not "" as the csv module expects.
        rows = csv.reader(io.StringIO(text, newline=""), doublequote=False, escapechar="\\")
        return Table(tuple(tuple(row) for row in rows))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from None
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None


def _canonical(tagged: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The kind and the canonical values of each question's answer."""
    wanted = ("id", "targetCanon", "targetCanonType")
    return {
        record["id"]: (record["targetCanonType"], tuple(_items(record["targetCanon"])))
        for _, record in _records(tagged, wanted)
    }


def _records(path: Path, needed: Sequence[str] = NEEDED) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from None
    lines = text.split("\n")  # not splitlines: cells hold other characters that end lines
    header = lines[0].rstrip("\r").split("\t")
    if missing := [name for name in needed if name not in header]:
        raise ContractError(f"{path}: has no column {', '.join(missing)}")
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            cells = line.rstrip("\r").split("\t")
            if len(cells) != len(header):
                raise ContractError(
                    f"{path}: line {number} has {len(cells)} fields, not {len(header)}"
                )
            yield number, dict(zip(header, cells, strict=True))


def _items(text: str) -> list[str]:
    return [_unescaped(item) for item in text.split("|")]


def _unescaped(text: str) -> str:
    stands_for = {"n": "\n", "p": "|"}
    return re.sub(r"\\(.)", lambda found: stands_for.get(found[1], found[1]), text)


def verdict(question: Question, answer: Sequence[str]) -> Verdict:
    """Strict: as many different items, and each gold item equals one of them."""
    canonical = question.canonical or ("",) * len(question.answer)
    gold = set(map(value_of, question.answer, canonical))
    given = {value_of(text) for text in answer}
    if not given:
        return Verdict(False, False, "no answer was given")
    missed = [wanted for wanted in gold if not any(_equal(wanted, one) for one in given)]
    if len(given) == len(gold) and not missed:
        return Verdict(True, True)
    relaxed = equal_words(question.answer, answer, question.canonical)
    if len(given) != len(gold):
        return Verdict(False, relaxed, f"{len(given)} different items, {len(gold)} are right")
    return Verdict(False, relaxed, f"{len(missed)} of {len(gold)} items are not among the answers")


def _equal(gold: Value, given: Value) -> bool:
    if gold.normalized == given.normalized:
        return True
    if isinstance(gold, Number) and isinstance(given, Number):
        return abs(gold.amount - given.amount) < 1e-6
    return isinstance(gold, Date) and gold == given
