"""Base of the domains in which the result of a case is a short text: a number, some words.

The agent saves it to a file whose last `Answer:` line counts; a file of one line is its answer.
"""

import re
import shutil
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from react_agent.errors import ContractError
from react_agent.files import digest, write_whole
from react_agent.sandbox.untrusted import missing, take_file
from react_agent.seams import Check, Domain, Facts, Score, Task, Workspace

MAX_ANSWER = 1 << 20
"""Bytes of an answer's file."""
ERROR_CLASSES = {
    "no_output": "the agent finished without saving an answer",
    "no_answer": "the saved file declares no answer",
    "wrong_form": "the answer is right but for its form",
    "wrong_answer": "the answer is another",
}
_LINE = re.compile(r"^[ \t>*_#`-]*(?:final )?answer[*_` ]*(?::|is\b:?)[*_` \t]*(.*)$", re.I | re.M)
_BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,9}\{|[{}]")
NO_ANSWER = "no answer: no file was saved, or it has no line `Answer: ...`"
LONGEST_ANSWER = 4_000
"""Characters of an answer. It is looked for in the last `SEEN` of a reply."""
SEEN = 100_000
_NAME = re.compile(r"(?!\.{1,2}\Z)[\w.@-][\w.@ -]*")
TaskT = TypeVar("TaskT", bound=Task)


@dataclass(frozen=True)
class Judged:
    """What one answer is worth."""

    score: float
    passed: bool
    relaxed: bool
    """Right, or wrong in its form only."""
    why: str = ""


class TextAnswerDomain(Domain["TextCase"]):
    """A domain derives from it and says what a case is given and what an answer is worth."""

    prompts = Path(__file__).parent / "prompts"
    edition = "own-2"
    error_classes: Mapping[str, str] = ERROR_CLASSES
    no_output = "no answer"
    relaxed = "relaxed"
    """What the second column of verdicts is called."""

    def __init__(self, source: Path, root: Path, tasks: Iterable[Task]) -> None:
        """Raises ContractError where ids are no file names or not distinct, or there is no task."""
        self.source, self.root, self.tasks = source, root, named(source, tasks)
        self.by_id = {task.id: task for task in self.tasks}

    @abstractmethod
    def golds(self, task_id: str) -> tuple[str, ...]:
        """The answers that are right; one of them suffices."""

    @abstractmethod
    async def judged(self, task_id: str, answer: str) -> Judged: ...

    @abstractmethod
    def give(self, task_id: str, folder: Path) -> None:
        """Put what belongs to the task into a folder, under the name `files.given`."""

    @abstractmethod
    def given_digest(self, task_id: str) -> str:
        """Raises ContractError where what belongs to the task cannot be used."""

    def fields(self, task_id: str) -> Mapping[str, str]:
        """What else the task prompt says."""
        return {}

    def cases(self, task_id: str) -> list["TextCase"]:
        self.given_digest(task_id)
        return [TextCase(self.by_id[task_id], self.files.given)]

    def fingerprint(self, case: "TextCase") -> str:
        return digest(case.task.instruction, self.given_digest(case.task_id))

    def prepare(self, case: "TextCase", folder: Path) -> Workspace:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.give(case.task_id, folder)
        target = folder / self.files.output
        fields = {
            "working_directory": str(folder),
            "instruction": case.task.instruction,
            "given_path": str(folder / self.files.given),
            "output_path": str(target),
            **self.fields(case.task_id),
        }
        return Workspace(folder, fields, partial(missing, target))

    def output_path(self, case: "TextCase", output_dir: Path) -> Path:
        return output_dir / case.task_id / self.files.output

    def collect(self, case: "TextCase", folder: Path, output_dir: Path) -> Path | None:
        return take_file(folder / self.files.output, self.output_path(case, output_dir), MAX_ANSWER)

    async def score(self, case: "TextCase", output: Path) -> Score:
        judged = await self._judged(case, answer_in(output))
        columns = {"passed_by_rules": {"strict": judged.passed, self.relaxed: judged.relaxed}}
        return Score(
            judged.passed, judged.score, judged.why, str(self.source), str(output), columns
        )

    async def check(self, case: "TextCase", repair: Path) -> Check:
        answer = answer_in(repair)
        judged = await self._judged(case, answer)
        right = " or ".join(map(repr, self.golds(case.task_id)[:5]))
        found = "no answer" if answer is None else repr(answer[:500])
        verdict = f"Result: {pass_or_fail(judged.passed)}\nfound: {found}\nexpected: {right}"
        rules = (
            f"strict: {pass_or_fail(judged.passed)}, {self.relaxed}: {pass_or_fail(judged.relaxed)}"
        )
        report = "\n".join(filter(None, (verdict, rules, judged.why and f"why: {judged.why}")))
        return Check(judged.passed, report, judged.why, by={"rules": self.name})

    async def facts(self, case: "TextCase", output: Path | None) -> Facts:
        answers = self.golds(case.task_id)
        if output is None:
            return Facts(None, "no_output", answers)
        check, answer, error = await self.check(case, output), answer_in(output), ""
        if answer is None:
            error = "no_answer"
        elif not check.passed:
            relaxed = (await self.judged(case.task_id, answer)).relaxed
            error = "wrong_form" if relaxed else "wrong_answer"
        return Facts(check, error, answers)

    def lay_out(self, case: "TextCase", folder: Path) -> None:
        self.give(case.task_id, folder)
        write_whole(folder / self.files.truth, self._truth(case.task_id))

    def truth_digest(self, case: "TextCase") -> str:
        return digest(self._truth(case.task_id))

    def telltales(self, task_id: str) -> Mapping[str, str]:
        return {" ".join(gold.casefold().split()): "an answer" for gold in self.golds(task_id)}

    async def _judged(self, case: "TextCase", answer: str | None) -> Judged:
        if answer is None:
            return Judged(0.0, False, False, NO_ANSWER)
        return await self.judged(case.task_id, answer)

    def _truth(self, task_id: str) -> str:
        """Unlike anything that states an answer, so that a copy is known by its bytes."""
        lines = "\n".join(self.golds(task_id))
        return f"Right answers of task {task_id}, one a line; any of them counts.\n{lines}\n"


@dataclass(frozen=True)
class TextCase:
    """A task; each has one case."""

    task: Task
    input_name: str
    name: str = "1"

    @property
    def task_id(self) -> str:
        return self.task.id


def pass_or_fail(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def answer_in(path: Path) -> str | None:
    """The answer that a file states; None where it states none. Never raises for what it holds."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_ANSWER).decode("utf-8", "replace").strip()
    except OSError:
        return None
    answer = declared(text)
    if answer is None and text and "\n" not in text:
        return text
    return answer


def named(source: Path, tasks: Iterable[TaskT]) -> tuple[TaskT, ...]:
    """Raises ContractError where ids are no file names or not distinct, or there is no task."""
    found: dict[str, TaskT] = {}
    for task in tasks:
        if not _NAME.fullmatch(task.id):
            raise ContractError(f"{source}: the id {task.id[:80]!r} is no file name")
        if task.id in found:
            raise ContractError(f"{source}: two records have the id {task.id!r}")
        found[task.id] = task
    if not found:
        raise ContractError(f"{source}: holds no record")
    return tuple(found.values())


def declared(text: str) -> str | None:
    """None where nothing is declared. What stands after the declaration counts for nothing."""
    text = text[-SEEN:]
    found = [(line.start(), line[1]) for line in _LINE.finditer(text) if line[1].strip()]
    found += _boxes(text)
    if not found:
        return None
    answer = max(found)[1]
    boxed = [inside for _, inside in _boxes(answer)]
    return (boxed[-1] if boxed else answer).strip().strip("*_`").strip()[:LONGEST_ANSWER]


def _boxes(text: str) -> list[tuple[int, str]]:
    """Where each box stands that is closed, and what is in it."""
    found: list[tuple[int, str]] = []
    opened: list[re.Match[str] | None] = []
    for brace in _BRACE.finditer(text):
        if brace[0] != "}":
            opened.append(None if brace[0] == "{" else brace)
        elif opened and (box := opened.pop()):
            found.append((box.start(), text[box.end() : brace.start()][:LONGEST_ANSWER]))
    return found
