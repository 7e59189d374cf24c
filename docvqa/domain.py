"""DocVQA behind the domain seam: a page as an image, some words as the answer."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from docvqa.anls import THRESHOLD, anls
from docvqa.page import Page, check_whole, page
from docvqa.questions import find_index, questions
from react_agent.domains.text_answer import Judged, TextAnswerDomain, TextCase
from react_agent.files import digest
from react_agent.model import ImagePart
from react_agent.seams import FileNames, Reading, Workspace


class DocVqaDomain(TextAnswerDomain):
    """The score is ANLS; passed, as the paper's Acc, is a score of at least a half."""

    name = "docvqa"
    files = FileNames("page.png", "answer.txt", "gold.txt", "answer_fixed.txt")
    halves = (slice(0, 50), slice(50, None))
    scorer: Mapping[str, str] = {"rules": "strict", "engine": "ANLS"}

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        index = find_index(path)
        found = questions(index)
        super().__init__(index, index.parent, found)
        self.questions = {question.id: question for question in found}

    def golds(self, task_id: str) -> tuple[str, ...]:
        return self.questions[task_id].answers

    def fields(self, task_id: str) -> Mapping[str, str]:
        given = "the page as an image, which is also shown to you here"
        return {"given": given, "answer_form": "a few words or a number, as they stand on the page"}

    def give(self, task_id: str, folder: Path) -> None:
        shutil.copyfile(self._page(task_id).path, folder / self.files.given)

    def given_digest(self, task_id: str) -> str:
        found = self._page(task_id)
        return digest(found.path.name, str(found.path.stat().st_size))

    def fingerprint(self, case: TextCase) -> str:
        return digest(case.task.instruction, self._page(case.task_id).path.read_bytes())

    def images(self, case: TextCase) -> tuple[ImagePart, ...]:
        found = self._page(case.task_id)
        check_whole(found)
        return (ImagePart.of(found.path.read_bytes(), found.media_type),)

    def prepare(self, case: TextCase, folder: Path) -> Workspace:
        return replace(super().prepare(case, folder), images=self.images(case))

    async def judged(self, task_id: str, answer: str) -> Judged:
        golds = self.questions[task_id].answers
        score = anls(golds, answer)
        passed = score >= THRESHOLD
        words = f" {_words(answer)} "
        relaxed = passed or any(f" {_words(gold)} " in words for gold in golds if _words(gold))
        return Judged(score, passed, relaxed, "" if passed else f"ANLS {score:.2f}")

    def _page(self, task_id: str) -> Page:
        return page(self.root, self.questions[task_id].image)


def open_domain(data_path: Path, reading: Reading | None = None) -> DocVqaDomain:
    return DocVqaDomain(data_path, reading)


def _words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
