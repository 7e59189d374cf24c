"""Mathematics behind the domain seam: a problem as text, an integer as the answer."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from math_tasks.answers import right
from math_tasks.problems import find_index, problems
from math_tasks.second_opinion import LIMITS, available, opinion
from react_agent.domains.text_answer import Judged, TextAnswerDomain
from react_agent.engines.workers import WorkerLost, Workers
from react_agent.files import digest, write_whole
from react_agent.seams import FileNames, Reading
from react_agent.threads import in_thread

log = logging.getLogger(__name__)


class MathDomain(TextAnswerDomain):
    """Strict: the integers are equal. math-verify's opinion stands beside it where it is installed;
    the two differ on the tasks that the summary lists."""

    name = "math"
    files = FileNames("problem.txt", "answer.txt", "gold.txt", "answer_fixed.txt")
    halves = (slice(0, 400), slice(400, 500))
    relaxed = "math-verify"
    scorer: Mapping[str, str] = {"rules": "strict", "engine": "integers"}

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        index = find_index(path)
        found = problems(index)
        super().__init__(index, index.parent, found)
        self.answers = {one.id: one.answer for one in found}
        self.reading = reading or Reading()
        self._workers: Workers | None = None

    def golds(self, task_id: str) -> tuple[str, ...]:
        return (self.answers[task_id],)

    def fields(self, task_id: str) -> Mapping[str, str]:
        return {"given": "the question as a file", "answer_form": "an integer"}

    def give(self, task_id: str, folder: Path) -> None:
        write_whole(folder / self.files.given, self.by_id[task_id].instruction + "\n")

    def given_digest(self, task_id: str) -> str:
        return digest(self.by_id[task_id].instruction)

    async def judged(self, task_id: str, answer: str) -> Judged:
        gold = self.answers[task_id]
        passed = right(gold, answer)
        second = await self._second(gold, answer)
        why = "" if passed else "the answer is another integer, or none"
        return Judged(float(passed), passed, passed if second is None else second, why)

    async def _second(self, gold: str, answer: str) -> bool | None:
        if self._workers is None:
            return None
        try:
            return await in_thread(self._workers.run, opinion, (gold, f"${answer}$"))
        except WorkerLost as lost:
            log.info("math-verify has no opinion on %r: %s", answer[:80], lost)
            return None

    def __enter__(self) -> Self:
        if available():
            self._workers = Workers(self.reading.processes, LIMITS).__enter__()
        else:
            log.warning("math-verify is not installed: no second opinion stands in the verdicts")
        return self

    def __exit__(self, *ended: object) -> None:
        workers, self._workers = self._workers, None
        if workers:
            workers.__exit__(*ended)


def open_domain(data_path: Path, reading: Reading | None = None) -> MathDomain:
    return MathDomain(data_path, reading)
