"""Lesson records: what one analysed run taught, as `parsed_*_records.json` hold it.

The files are JSON lists of records. The analysts write them, the evolver reads them; all that a
later stage needs to trace a lesson back to its run stands in the record.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from analysis.lessons.settings import LessonKind as LessonKind
from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.filenames import file_name, text_of
from react_agent.files import read_json, write_json
from react_agent.layout import record_file
from react_agent.runs.verdicts import Text

log = logging.getLogger(__name__)

ItemType = Literal["failure_cause", "failure_memory", "success_memory"]
Id = Text
"""Foreign record files keep ids as the data has them: integers in half of it."""
SaidOrNot = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
OF_TYPE: dict[ItemType, str] = {
    "failure_cause": "relation_to_skill",
    "failure_memory": "skill_reflection",
}
"""The field that every item of this type has in a record file, be it empty."""
PROMPT = "_prompt"
"""Ends what the released success parser takes for a report: the prompt beside one."""


class LessonItem(BaseModel):
    """One cause or one memory of a report."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    type: ItemType
    number: int
    title: str
    description: str = ""
    content: str = ""
    relation_to_skill: SaidOrNot = ""
    """Causes only: which guidance of the skill was missing, wrong or not followed."""
    skill_reflection: SaidOrNot = ""
    """Memories of failures only: what the skill should say, or say otherwise."""

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
    """The name of the report that the items were read from."""
    items: tuple[LessonItem, ...]
    """At least one; a report with none is a parse failure, kept beside the reports."""

    task_id: Id = ""
    seed: int | None = None
    report: str = ""
    """Where the report lies."""
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
    counted: tuple[Id, ...] = ()
    """Runs that failed in the same class and were counted, not analysed (`--per-class`)."""

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
    """Read a record file, or the one in an analysis folder; what is in it twice counts once.

    Raises ContractError naming the file, the record and the field that does not fit.
    """
    file = resolve(path, kind)
    value = read_json(file)
    if not isinstance(value, list):
        raise ContractError(f"{file}: expected a list of records, found {type(value).__name__}")
    return _once(file, [_record(file, number, entry) for number, entry in enumerate(value, 1)])


def _once(file: Path, records: Sequence[LessonRecord]) -> list[LessonRecord]:
    """Without prompts that were parsed as reports, and without repetitions."""
    names = {record.instance_id for record in records}
    kept: list[LessonRecord] = []
    for record in records:
        name = record.instance_id
        prompt = record.source_file.endswith(f"{PROMPT}.md") or (
            name.endswith(PROMPT) and name.removesuffix(PROMPT) in names
        )
        if not prompt and record not in kept:
            kept.append(record)
    if len(kept) < len(records):
        log.info("%s: %d records are in it twice", file, len(records) - len(kept))
    return kept


def save_records(path: Path, records: Iterable[LessonRecord]) -> bool:
    """The fields of the contract come first; those that say nothing are left out.

    A file that holds something is never emptied: then it stays as it is, and False is returned.
    """
    entries = record_entries(records)
    if not entries and _holds_something(path):
        log.warning("%s is kept as it is: there is no record to put in its place", path)
        return False
    write_json(path, entries)
    return True


def record_entries(records: Iterable[LessonRecord]) -> list[dict[str, Any]]:
    return [_compact(record) for record in records]


def _holds_something(path: Path) -> bool:
    """Also what nobody can read."""
    return path.is_file() and path.read_bytes().strip() not in (b"", b"[]", b"{}", b"null")


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
    record = fitted(LessonRecord, entry, f"{file}: record {number}{name}, field ", "record")
    if not record.instance_id:
        raise ContractError(f"{file}: record {number}, field instance_id: is empty")
    if not record.items:
        raise ContractError(f"{file}: record {number}{name}, field items: holds no item")
    return record


def _compact(record: LessonRecord) -> dict[str, Any]:
    fields = record.model_dump(mode="json")
    for item in fields["items"]:
        for optional in set(OF_TYPE.values()) - {OF_TYPE.get(item["type"])}:
            if not item[optional]:
                del item[optional]
    required = {"instance_id", "source_file", "items", "seed"}
    kept = {k: v for k, v in fields.items() if k in required or v not in ("", [], 0)}
    return {k: v for k, v in kept.items() if v is not None}
