"""Questions about the workbooks of a case, answered in worker processes with limits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from react_agent.engines.workers import WorkerLost, Workers
from react_agent.errors import ContractError
from react_agent.seams import Check, Facts
from react_agent.threads import in_thread
from spreadsheetbench.evidence.facts import (
    Question,
    case_facts,
    check_output,
    empty_workbook,
    matching_answers,
    same_contents,
)

Out = TypeVar("Out")


class Judge:
    """Reads what untrusted programs wrote only in `workers`."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers

    async def facts(self, gold: Path, given: Path, output: Path | None, ask: Question) -> Facts:
        """Raises ContractError when the data set's own workbooks cannot be read."""
        try:
            return await self._run(case_facts, gold, given, output, ask)
        except WorkerLost as lost:  # the output's doing: the same without it has an answer
            if output is None:
                raise ContractError(f"{gold.name} cannot be judged: {lost}") from None
            facts = await self.facts(gold, given, None, ask)
            return replace(facts, check=_lost(lost), error_class="damaged_workbook")
        except Exception as error:  # openpyxl raises all kinds; gold and input are the data set's
            raise ContractError(f"{gold.parent}: cannot be read: {error!r}") from error

    async def check(self, gold: Path, output: Path, question: Question) -> Check:
        try:
            return await self._run(check_output, gold, output, question)
        except WorkerLost as lost:
            return _lost(lost)

    async def same_contents(self, gold: Path, output: Path) -> bool:
        """False also when it cannot be told: the question is only put of a workbook that passed."""
        try:
            return await self._run(same_contents, gold, output)
        except WorkerLost:
            return False

    async def matching_answers(
        self, gold: Path, given: Path, output: Path, question: Question
    ) -> tuple[int, int]:
        try:
            return await self._run(matching_answers, gold, given, output, question)
        except WorkerLost:
            return 0, 0

    async def empty_workbook(self, source: Path, target: Path) -> bool:
        """Whether a copy without any value could be made."""
        try:
            await self._run(empty_workbook, source, target)
        except Exception:  # as above; without the probe there are still the literals
            return False
        return True

    async def _run(self, work: Callable[..., Out], *args: object) -> Out:
        return await in_thread(self.workers.run, work, *args)


def _lost(lost: WorkerLost) -> Check:
    return Check(False, f"Result: FAIL {lost}", str(lost), readable=False)
