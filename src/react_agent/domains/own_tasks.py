"""A user's own tasks, from one YAML or JSON file, behind the domain seam (docs/your_tasks.md)."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Self

import yaml
from pydantic import BaseModel, Field, StrictInt, StrictStr

from react_agent.configfile import fitted
from react_agent.domains.text_answer import Judged, TextAnswerDomain, TextCase
from react_agent.errors import ContractError
from react_agent.files import digest, write_whole
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import Sandbox, open_sandbox
from react_agent.sandbox.limits import Limits
from react_agent.sandbox.untrusted import MAX_TAKEN
from react_agent.seams import Check, FileNames, Reading

Scalar = StrictStr | StrictInt
"""What YAML reads as something else (yes, 1.10, a date) loses its spelling, so it is refused."""


class Truth(BaseModel, frozen=True, extra="forbid"):
    """One of these: answers that are right; a command that ends with exit code 0 for one; a
    workbook, and the cells of it that count."""

    text: Scalar | tuple[Scalar, ...] = ()
    check: StrictStr = ""
    file: StrictStr = ""
    cells: StrictStr = ""

    @property
    def texts(self) -> tuple[str, ...]:
        found = self.text if isinstance(self.text, tuple) else (self.text,)
        return tuple(text for text in map(str, found) if text.strip())


class OwnTask(BaseModel, frozen=True, extra="forbid"):
    id: StrictStr = Field(min_length=1, max_length=80)
    instruction: StrictStr = Field(alias="prompt", min_length=1)
    truth: Truth
    files: tuple[StrictStr, ...] = ()
    instruction_type: StrictStr = Field("", alias="type")
    answer_form: StrictStr = "a short text"


class OwnTasks(TextAnswerDomain):
    """Strict: the text is one of the right ones but for white space, or the check says so."""

    name = "tasks"
    files = FileNames("task.txt", "answer.txt", "truth.txt", "answer_fixed.txt")
    relaxed = "any case"
    scorer: Mapping[str, str] = {"rules": "strict", "engine": "text or check"}

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        records = read_tasks(path)
        if books := [record.id for record in records if record.truth.file]:
            raise ContractError(f"{path}: task {books[0]}: truth: a workbook is no text")
        super().__init__(path, path.parent, records)
        self.records = {record.id: record for record in records}
        self.reading = reading or Reading()
        self._sandbox: Sandbox | None = None
        for record in records:
            self._files(record)

    def golds(self, task_id: str) -> tuple[str, ...]:
        return self.records[task_id].truth.texts

    def fields(self, task_id: str) -> Mapping[str, str]:
        record = self.records[task_id]
        beside = f"; beside it lie {', '.join(record.files)}" if record.files else ""
        return {"given": f"the question as a file{beside}", "answer_form": record.answer_form}

    def give(self, task_id: str, folder: Path) -> None:
        record = self.records[task_id]
        write_whole(folder / self.files.given, record.instruction + "\n")
        for name, file in self._files(record).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / name)

    def given_digest(self, task_id: str) -> str:
        record = self.records[task_id]
        contents = (file.read_bytes() for file in self._files(record).values())
        return digest(record.instruction, record.answer_form, *record.files, *map(digest, contents))

    async def judged(self, task_id: str, answer: str) -> Judged:
        if self.records[task_id].truth.check:
            result = await self._run_check(task_id, answer)
            passed = result.exit_code == 0 and not result.killed
            how = f"exit code {result.exit_code}"
            how = f"was stopped ({result.killed})" if result.killed else how
            why = "" if passed else f"the check says no: {how}"
            return Judged(float(passed), passed, passed, why)
        golds, found = self.golds(task_id), " ".join(answer.split())
        passed = any(" ".join(gold.split()) == found for gold in golds)
        relaxed = any(" ".join(gold.casefold().split()) == found.casefold() for gold in golds)
        return Judged(float(passed), passed, relaxed, "" if passed else "the answer is another")

    async def check(self, case: TextCase, repair: Path) -> Check:
        found = await super().check(case, repair)
        if not (command := self.records[case.task_id].truth.check):
            return found
        head = found.report.rpartition("\nexpected: ")[0]
        report = f"{head}\nexpected: exit code 0 of the check\n{command}\n{found.message}"
        return Check(found.passed, report.rstrip(), found.message, by=found.by)

    def _truth(self, task_id: str) -> str:
        if command := self.records[task_id].truth.check:
            return f"Check of task {task_id}; an answer is right when it ends with 0.\n{command}\n"
        return super()._truth(task_id)

    async def _run_check(self, task_id: str, answer: str) -> BashResult:
        """Over the answer alone in `answer.txt`, beside the files of the task."""
        assert self._sandbox, "answers are judged inside `with domain:`"
        with tempfile.TemporaryDirectory(prefix="trace2skill-check-") as place:
            folder = Path(place)
            self.give(task_id, folder)
            write_whole(folder / self.files.output, answer + "\n")
            async with self._sandbox.case(folder, hide=[self.root]) as bash:
                return await bash.run(self.records[task_id].truth.check)

    def _files(self, record: OwnTask) -> dict[str, Path]:
        """By the names that the agent sees. Raises ContractError for what cannot be given."""
        found = {}
        for name in record.files:
            found[name] = file_of(self.source, record, name)
            why = "it holds the truth" if found[name].samefile(self.source) else ""
            if name in self.files.all:
                why = "the name is taken; rename the file"
            if why:
                raise ContractError(f"{self.source}: task {record.id}: files: {name!r}: {why}")
        return found

    def __enter__(self) -> Self:
        if any(record.truth.check for record in self.records.values()):
            self._sandbox = open_sandbox(limits=Limits(seconds=self.reading.seconds))
        return self

    def __exit__(self, *ended: object) -> None:
        self._sandbox = None


def file_of(source: Path, record: OwnTask, name: str) -> Path:
    """A file that a task names. Raises ContractError for what cannot be given to an agent."""
    root = source.parent
    path = root / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        why = "only files below the folder of the tasks"
    elif not path.is_file():
        why = "no such file"
    elif not path.resolve().is_relative_to(root.resolve()):
        why = "a link that leads out of the folder of the tasks"
    elif path.stat().st_size > MAX_TAKEN:
        why = f"over {MAX_TAKEN} bytes"
    else:
        return path.resolve()
    raise ContractError(f"{source}: task {record.id}: files: {name[:80]!r}: {why}")


def read_tasks(path: Path) -> tuple[OwnTask, ...]:
    """Raises ContractError that names file, task and field."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}; name the file of tasks") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        why = " ".join(str(error).split())[:300]
        raise ContractError(f"{path}: cannot be read as a file of tasks: {why}") from None
    if not isinstance(found, list):
        raise ContractError(f"{path}: holds no list of tasks")
    return tuple(_record(path, number, one) for number, one in enumerate(found, 1))


def _record(path: Path, number: int, found: Any) -> OwnTask:
    task_id = found.get("id") if isinstance(found, dict) else None
    place = f"{path}: task {str(task_id)[:80]!r}" if task_id is not None else f"{path}: #{number}"
    if isinstance(found, dict):
        truth = found.get("truth")
        if truth is not None and not isinstance(truth, dict):
            found = {**found, "truth": {"text": truth}}
        if type(task_id) is int:
            found = {**found, "id": str(task_id)}
    record = fitted(OwnTask, found, f"{place}: ", "the record")
    truth = record.truth
    given = [bool(truth.texts), bool(truth.check.strip()), bool(truth.file.strip())]
    if sum(given) != 1:
        raise ContractError(f"{place}: truth: give either text or check, or a file with its cells")
    if bool(truth.file.strip()) != bool(truth.cells.strip()):
        raise ContractError(f"{place}: truth: file and cells go together")
    return record
