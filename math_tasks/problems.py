"""Problems on disk, as their homes spell them: one .jsonl, .json or .parquet file.

Known are the fields of DAPO-Math (`prompt`, `reward_model.ground_truth`), of its processed form
(`prompt`, `solution`) and of MathArena's AIME (`problem`, `answer`, `problem_idx`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import digest

SUFFIXES = (".jsonl", ".json", ".parquet")
# DAPO-Math wraps each problem in the same two sentences; the agent has instructions of its own.
_WRAPPED = re.compile(
    r"\ASolve the following math problem step by step\.[^\n]*\n\s*(.*?)\s*"
    r"(?:Remember to put your answer on its own line after \"Answer:\"\.?)?\s*\Z",
    re.DOTALL,
)


@dataclass(frozen=True)
class Problem:
    id: str
    instruction: str
    answer: str
    instruction_type: str = ""


def problems(index: Path) -> list[Problem]:
    """Each problem once. Those that a competition numbers stay in its order; others come in an
    order that only their texts decide, so that a slice is the same whatever the file's order.

    Raises ContractError naming the file, the record and the field that do not fit.
    """
    found: dict[str, Problem] = {}
    contradicted: set[str] = set()
    numbered = True
    for where, record in _records(index):
        text, answer, number = _fields(where, record)
        key = digest(" ".join(text.split()))
        numbered = numbered and number is not None
        name = f"p{number}" if number is not None else key[:12]
        if key not in found:
            found[key] = Problem(name, text, answer)
        elif found[key].answer != answer:
            contradicted.add(key)  # nobody can say which answer is right
    kept = {key: problem for key, problem in found.items() if key not in contradicted}
    if not kept:
        raise ContractError(f"{index}: holds no problem")
    if numbered and len({p.id for p in kept.values()}) == len(kept):
        return list(kept.values())
    return [Problem(key[:12], kept[key].instruction, kept[key].answer) for key in sorted(kept)]


def _fields(where: str, record: Any) -> tuple[str, str, int | None]:
    if not isinstance(record, Mapping):
        raise ContractError(f"{where}: is not an object")
    prompt = record.get("problem", record.get("prompt", record.get("question")))
    if not isinstance(prompt, str | Mapping) and prompt is not None and len(prompt) == 1:
        prompt = prompt[0]  # a conversation of one message
    text = prompt.get("content") if isinstance(prompt, Mapping) else prompt
    reward = record.get("reward_model")
    answer = record.get("answer", record.get("solution"))
    if isinstance(reward, Mapping):
        answer = reward.get("ground_truth")
    if not isinstance(text, str) or not text.strip():
        raise ContractError(f"{where}: has no text in problem, prompt or question")
    if answer is None or isinstance(answer, bool) or not str(answer).strip():
        raise ContractError(
            f"{where}: has no answer in answer, solution or reward_model.ground_truth"
        )
    wrapped = _WRAPPED.match(text)
    number = record.get("problem_idx")
    whole = number if isinstance(number, int) and not isinstance(number, bool) else None
    return (wrapped[1] if wrapped else text).strip(), str(answer).strip(), whole


def find_index(path: Path) -> Path:
    """The file with the problems. Raises ContractError where there is none, or no telling which."""
    if path.is_file():
        return path
    files = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    files = [file for file in files if not file.name.startswith(".")]
    if len(files) != 1:
        raise ContractError(
            f"{path}: {len(files)} files that may hold problems ({', '.join(SUFFIXES)}); name one"
        )
    return files[0]


def _records(file: Path) -> Iterator[tuple[str, Any]]:
    return _parquet(file) if file.suffix == ".parquet" else _json(file)


def _json(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".json":
            value = json.loads(text)
            rows = value.get("data", value.get("rows")) if isinstance(value, dict) else value
            if not isinstance(rows, list):
                raise ContractError(f"{file}: holds no list of records")
            for number, record in enumerate(rows, start=1):
                yield f"{file}: record {number}", record
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"{file}: line {number}", json.loads(line)
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{file}: cannot be read: {error}") from None


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    """Batch by batch: the original repeats every problem a hundred times."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise ContractError(
            f"{file}: parquet needs pyarrow: pip install 'trace2skill-toolkit[experiments]'"
        ) from None
    try:
        rows = ParquetFile(file)
        names = set(rows.schema_arrow.names)
        wanted = [n for n in ("problem_idx", "problem", "prompt", "question") if n in names]
        wanted += [n for n in ("answer", "solution", "reward_model") if n in names]
        number = 0
        for batch in rows.iter_batches(columns=wanted):
            for record in batch.to_pylist():
                number += 1
                yield f"{file}: row {number}", record
    except (OSError, ArrowException) as error:
        raise ContractError(f"{file}: cannot be read: {error}") from None
