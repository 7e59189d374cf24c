"""HiTab on disk: samples and hierarchical tables; and its official rules.

A data set is the repository's `data` folder or one of its sample files. There are two test sets:
`test_samples.jsonl`, the published one, and `test_samples_qualitycheck.jsonl`, corrected in 2025.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.files import read_json
from tableqa.relaxed import equal_amounts
from tableqa.table import Merged, Question, Table, Verdict
from tableqa.values import normalized, number_of, plain

TEST = "test_samples.jsonl"
LARGEST = 16 << 20
"""Bytes of a table."""


def _text(value: Any) -> Any:
    """Answers are texts, floats and integers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return plain(value) if number else value


Text = Annotated[str, BeforeValidator(_text)]


class _Sample(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: Text
    table_id: Text
    question: str
    answer: tuple[Text, ...]
    aggregation: tuple[str, ...] = ()


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: str = ""
    texts: tuple[tuple[Text, ...], ...]
    merged_regions: tuple[Merged, ...] = ()


def find_index(path: Path) -> tuple[Path, Path]:
    """The sample file, and the folder in which the tables lie."""
    return (path / TEST, path) if path.is_dir() else (path, path.parent)


def questions(index: Path) -> list[Question]:
    """Raises ContractError naming the file, the line and the field that do not fit."""
    try:
        lines = index.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{index}: cannot be read: {error}") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            sample = fitted(_Sample, json.loads(line), f"{index}: line {number}, field ", "sample")
        except (ValueError, RecursionError) as error:
            raise ContractError(f"{index}: line {number} is not JSON: {error}") from None
        found.append(
            Question(
                sample.id,
                sample.question,
                sample.table_id,
                sample.answer,
                kinds=sample.aggregation,
            )
        )
    return found


def table(root: Path, name: str) -> Table:
    """The table of a question. Raises ContractError where it cannot be read."""
    path = root / "tables" / "raw" / f"{name}.json"
    if not path.resolve().is_relative_to(root.resolve()):
        raise ContractError(f"{name}: leads out of the data set")
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise ContractError(f"is larger than {LARGEST:,} bytes")
        raw = fitted(_Table, read_json(path), f"{path}: field ", "table")
        return Table(raw.texts, raw.merged_regions, raw.title)
    except ContractError as error:
        text = str(error)
        raise ContractError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def verdict(question: Question, answer: Sequence[str]) -> Verdict:
    """Strict: the same items in the same order, numbers within 1e-5, a number is never a text."""
    if not answer:
        return Verdict(False, False, "no answer was given")
    gold, given = [_value(t) for t in question.answer], [_value(t) for t in answer]
    if len(gold) != len(given):
        why = f"{len(given)} items, {len(gold)} are right"
    else:
        wrong = [n for n, pair in enumerate(zip(gold, given, strict=True), 1) if not _equal(*pair)]
        if not wrong:
            return Verdict(True, True)
        why = f"item {', '.join(map(str, wrong[:5]))} of {len(gold)} is another"
    return Verdict(False, equal_amounts(question.answer, answer), why)


def _value(text: str) -> str | float:
    """The official reader of numbers drops a percent sign, brackets and commas: (5) is 5."""
    text = text.strip().lower()
    digits = text.removeprefix("(")
    digits = digits[:-1] if digits.endswith(("%", ")")) else digits
    amount = number_of(digits.replace(",", ""))
    return normalized(text) if amount is None else amount


def _equal(gold: str | float, given: str | float) -> bool:
    if isinstance(gold, float) and isinstance(given, float):
        return abs(gold - given) < 1e-5
    return gold == given
