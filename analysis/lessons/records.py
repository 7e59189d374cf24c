"""Lesson records: what one analysed run taught, as `parsed_*_records.json` hold it.

The files are JSON lists of records. The analysts write them, the evolver reads them; all that a
later stage needs to trace a lesson back to its run stands in the record.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from react_agent.configfile import first_problem
from react_agent.errors import ContractError
from react_agent.filenames import file_name, text_of
from react_agent.files import read_json, write_json
from react_agent.layout import record_file
from react_agent.runs.verdicts import Text

ItemType = Literal["failure_cause", "failure_memory", "success_memory"]
LessonKind = Literal["error", "success"]
MAX_FAILING_CELLS = 20
"""Cells a record names; a whole wrong column adds nothing to the first twenty."""


Id = Text
"""Foreign record files keep ids as the data has them: integers in half of it."""


class LessonItem(BaseModel):
    """One cause or one memory of a report."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    type: ItemType
    number: int
    title: str
    description: str = ""
    content: str = ""
    relation_to_skill: str | None = None
    """Causes only: which guidance of the skill was missing, wrong or not followed."""
    skill_reflection: str | None = None
    """Memories only: what the skill should say, or say otherwise."""

    @property
    def text(self) -> str:
        """All that an item says."""
        parts = (
            self.title,
            self.description,
            self.content,
            self.relation_to_skill,
            self.skill_reflection,
        )
        return "\n".join(part for part in parts if part)


class FailingCell(BaseModel):
    """Where the run's result was wrong. It holds no value, so that no answer reaches a prompt."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sheet: str
    cell: str
    problem: str = ""
    """The kinds of the two values, such as "number expected, blank found"."""


class LessonRecord(BaseModel):
    """The lessons of one run, and where they come from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    instance_id: Id
    """The task's id, with `@<input stem>` where a task has several inputs and `_seed_<S>` where
    several seeds were analysed together; id and stem as filenames.py spells them."""
    source_file: str = ""
    """The report that the items were read from."""
    items: tuple[LessonItem, ...]
    """At least one; a report with none is a parse failure, kept beside the reports."""

    task_id: Id = ""
    seed: int | None = None
    trajectory: str = ""
    """The log of the run."""
    model: str = ""
    """The model that wrote the report."""
    error_class: str = ""
    """How the run failed, as evidence/taxonomy.py names it; empty for a run that succeeded."""
    failing_cells: tuple[FailingCell, ...] = ()
    """The first of the cells that were wrong."""
    failing_cells_total: int = 0
    gate_mode: str = ""
    """How the report's diagnosis was checked; empty for one-call analysts, which have no gate."""
    gate_verdict: str = ""
    gate_file: str = ""
    items_dropped: int = 0
    """Items left out because they gave away answers."""

    @property
    def task(self) -> str:
        """The data set's id of the task, also for records of other tools, which do not name it."""
        return self.task_id or task_of(self.instance_id)


def instance_id(task_id: str, case: str = "", seed: int | None = None) -> str:
    """`<id>[@<input stem>][_seed_<S>]`: the name of one analysed run, and of its files."""
    stem = f"@{file_name(case)}" if case else ""
    return f"{file_name(task_id)}{stem}{'' if seed is None else f'_seed_{seed}'}"


def task_of(instance: str) -> str:
    """The task id within an instance id."""
    return text_of(re.sub(r"_seed_-?\d+\Z", "", instance).split("@", 1)[0])


def load_records(path: Path, kind: LessonKind = "error") -> list[LessonRecord]:
    """Read a record file, or the one in an analysis folder.

    Raises ContractError naming the file, the record and the field that does not fit.
    """
    file = resolve(path, kind)
    value = read_json(file)
    if not isinstance(value, list):
        raise ContractError(f"{file}: expected a list of records, found {type(value).__name__}")
    return [_record(file, number, entry) for number, entry in enumerate(value, start=1)]


def save_records(path: Path, records: Iterable[LessonRecord]) -> None:
    """The fields of the contract come first; those that say nothing are left out."""
    write_json(path, [_compact(record) for record in records])


def resolve(path: Path, kind: LessonKind = "error") -> Path:
    """The record file that `path` is or holds. Raises ContractError when there is none."""
    if path.is_file():
        return path
    file = path / record_file(kind)
    if file.is_file():
        return file
    if path.is_dir():
        raise ContractError(
            f"{path}: holds no {file.name}; run analysis/parse_{kind}_analysis_outputs.py on it"
        )
    raise ContractError(f"{path}: no such record file or analysis folder")


def of_tasks(records: Sequence[LessonRecord], tasks: Iterable[str]) -> list[LessonRecord]:
    """The records of these tasks, in the order of the file."""
    wanted = set(tasks)
    return [record for record in records if record.task in wanted or record.instance_id in wanted]


def _record(file: Path, number: int, entry: Any) -> LessonRecord:
    name = (
        f" ({entry['instance_id']})" if isinstance(entry, dict) and "instance_id" in entry else ""
    )
    try:
        record = LessonRecord.model_validate(entry)
    except ValidationError as error:
        raise ContractError(
            f"{file}: record {number}{name}, field {first_problem(error, 'record')}"
        ) from None
    if not record.instance_id:
        raise ContractError(f"{file}: record {number}, field instance_id: is empty")
    if not record.items:
        raise ContractError(f"{file}: record {number}{name}, field items: holds no item")
    return record


def _compact(record: LessonRecord) -> dict[str, Any]:
    fields = record.model_dump(mode="json")
    for item in fields["items"]:
        for optional in ("relation_to_skill", "skill_reflection"):
            if item[optional] is None:
                del item[optional]
    required = {"instance_id", "source_file", "items", "seed"}
    kept = {k: v for k, v in fields.items() if k in required or v not in ("", [], 0)}
    return {k: v for k, v in kept.items() if v is not None}
