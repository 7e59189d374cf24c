"""A tiny benchmark of text answers, behind the domain seam: what a second domain has to write.

A data set is a folder with questions.jsonl: one {"id", "question", "answer"} a line. Named from
outside as `--domain tinyqa:open_domain`.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.filenames import file_name
from react_agent.files import digest
from react_agent.sandbox.untrusted import take_file
from react_agent.seams import (
    Check,
    Domain,
    Facts,
    FailingPlace,
    FileNames,
    Reading,
    Score,
    Workspace,
)

FILES = FileNames("question.txt", "answer.txt", "truth.txt", "answer_fixed.txt")
MOST = 10_000


@dataclass(frozen=True)
class Question:
    id: str
    instruction: str
    answer: str
    instruction_type: str = ""


@dataclass(frozen=True)
class QuestionCase:
    task: Question
    name: str = "question"
    input_name: str = FILES.given

    @property
    def task_id(self) -> str:
        return self.task.id


def open_domain(data_path: Path, reading: Reading | None = None) -> "TinyQA":
    return TinyQA(data_path)


class TinyQA(Domain[QuestionCase]):
    name = "tinyqa"
    prompts = Path(__file__).parent / "prompts"
    files = FILES
    error_classes: Mapping[str, str] = {
        "no_output": "the agent left no answer",
        "wrong_answer": "the answer is another one",
    }

    def __init__(self, folder: Path) -> None:
        self.source, self.root = folder / "questions.jsonl", folder
        if not self.source.is_file():
            raise ContractError(f"{self.source}: no such file of questions")
        lines = [json.loads(line) for line in self.source.read_text("utf-8").splitlines()]
        self.tasks = [Question(one["id"], one["question"], one["answer"]) for one in lines]

    def cases(self, task_id: str) -> list[QuestionCase]:
        return [QuestionCase(task) for task in self.tasks if task.id == task_id]

    def fingerprint(self, case: QuestionCase) -> str:
        return digest(case.task.instruction)

    def prepare(self, case: QuestionCase, folder: Path) -> Workspace:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / FILES.given).write_text(case.task.instruction, encoding="utf-8")
        target = folder / FILES.output
        fields = {"working_directory": str(folder), "instruction": case.task.instruction}
        return Workspace(folder, fields, lambda: "" if target.is_file() else "answer.txt is absent")

    def output_path(self, case: QuestionCase, output_dir: Path) -> Path:
        return output_dir / file_name(case.task_id) / FILES.output

    def collect(self, case: QuestionCase, folder: Path, output_dir: Path) -> Path | None:
        return take_file(folder / FILES.output, self.output_path(case, output_dir), MOST)

    async def score(self, case: QuestionCase, output: Path) -> Score:
        check = await self.check(case, output)
        truth = f"{self.source}#{case.task_id}"
        return Score(check.passed, float(check.passed), check.message, truth, str(output))

    async def facts(self, case: QuestionCase, output: Path | None) -> Facts:
        answers = (case.task.answer,)
        if output is None:
            return Facts(None, "no_output", answers)
        check = await self.check(case, output)
        return Facts(check, "" if check.passed else "wrong_answer", answers)

    async def check(self, case: QuestionCase, repair: Path) -> Check:
        if not repair.is_file():
            return Check(False, "Result: FAIL no answer", "no answer", readable=False)
        said = repair.read_bytes()[:MOST].decode("utf-8", "replace")
        if said.strip().casefold() == case.task.answer.casefold():
            return Check(True, "Result: PASS the answer is right")
        wrong = (FailingPlace("", "answer", "another text than expected"),)
        return Check(False, "Result: FAIL another answer", "another answer", wrong, 1)

    def lay_out(self, case: QuestionCase, folder: Path) -> None:
        (folder / FILES.given).write_text(case.task.instruction, encoding="utf-8")
        (folder / FILES.truth).write_text(case.task.answer, encoding="utf-8")

    def truth_digest(self, case: QuestionCase) -> str:
        return digest(case.task.answer.encode())
