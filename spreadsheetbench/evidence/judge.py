"""Questions about the workbooks of a case, answered in worker processes with limits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from react_agent.engines.workers import WorkerLost, Workers
from react_agent.errors import ContractError
from react_agent.proof import Movement, Origin
from react_agent.seams import Check, Facts
from react_agent.threads import in_thread
from spreadsheetbench.evidence.facts import (
    Question,
    case_facts,
    check_output,
    movement,
)
from spreadsheetbench.evidence.marks import origin_of
from spreadsheetbench.evidence.variants import draw_variant, input_words

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

    async def origin(self, repair: Path, gold: Path, others: tuple[Path, ...]) -> Origin:
        """Nothing can be told of what openpyxl cannot load."""
        try:
            return await self._run(origin_of, repair, gold, others)
        except Exception:  # openpyxl raises all kinds; the cells were read all the same
            return Origin()

    async def draw_variant(
        self, given: Path, target: Path, kind: str, seed: int, named: str
    ) -> int:
        try:
            return await self._run(draw_variant, given, target, kind, seed, named)
        except Exception:  # as above: an input that cannot be varied
            return 0

    async def movement(
        self, gold: Path, given: Path, before: Path, after: Path, question: Question
    ) -> Movement:
        try:
            return await self._run(movement, gold, given, before, after, question)
        except WorkerLost:
            return Movement(works=False)

    async def input_words(self, given: Path) -> str:
        try:
            return await self._run(input_words, given)
        except Exception:  # as above
            return ""

    async def _run(self, work: Callable[..., Out], *args: object) -> Out:
        return await in_thread(self.workers.run, work, *args)


def _lost(lost: WorkerLost) -> Check:
    return Check(False, f"Result: FAIL {lost}", str(lost), readable=False)
