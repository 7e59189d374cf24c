"""The gate: a failure is learned from only when the harness itself saw the repair hold.

`output` (the paper's): the harness scores `agent_work/output_fixed.xlsx` against its own gold. A
copy of the gold, or a repackaged one, does not count. What this shows: the analyst arrived at a
right workbook. It had the gold before its eyes and may have typed the values in.
`replay` (strict): the harness runs `agent_work/fix.py` on the input alone, in a sandbox where no
gold exists, and scores what it wrote. A script that carries the answers does not count. What this
shows: the analyst can do the task.
`off`: nothing is checked, for comparison.

The analyst may do what it likes with the gold in its folder, print what it likes and leave what
files it likes: none of that is looked at.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from analysis.evidence.workspace import remove_tree
from analysis.gate.copying import FIX, Command, trace_copies
from analysis.gate.literals import SHARE, find_literals
from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.runs.folder import now
from react_agent.sandbox.door import Sandbox
from react_agent.sandbox.untrusted import take_file, taken
from spreadsheetbench.evidence.facts import Question
from spreadsheetbench.evidence.judge import Judge

GateMode = Literal["output", "replay", "off"]
Verdict = Literal["held", "refused", "not checked"]
FIX_SCRIPT = "fix.py"
MAX_SCRIPT = 1024 * 1024
PROBE_SHARE = 0.5
"""A script that gets more than this share of the answers out of an emptied workbook had them."""


class GateResult(BaseModel):
    """`gate.json`: what was checked, and what came of it."""

    model_config = ConfigDict(frozen=True)

    mode: GateMode
    verdict: Verdict
    reason: str
    checked: str = ""
    """The file that was scored, or the script that was run."""
    sha256: dict[str, str] = {}
    """Of gold, input and what was checked."""
    position: str = ""
    rules: str = ""
    evidence: dict[str, Any] = {}
    """What spoke for or against a copy."""
    checked_at: str = ""

    @property
    def held(self) -> bool:
        return self.verdict != "refused"


@dataclass(frozen=True)
class Gate:
    """The check of one case. Gold and input are the harness's own files."""

    mode: GateMode
    gold: Path
    given: Path
    gold_digest: str
    """Taken before the analyst started."""
    question: Question
    answers: tuple[object, ...]
    instruction: str
    judge: Judge
    sandbox: Sandbox
    hide: tuple[Path, ...] = ()

    async def check(self, folder: Path, commands: Sequence[Command]) -> GateResult:
        """Score the repair that lies in the analyst's folder."""
        if self.mode == "off":
            return self._result("not checked", "the gate is off")
        if digest(self.gold.read_bytes()) != self.gold_digest:
            return self._result("refused", "the harness's own gold was changed during the analysis")
        check = self._output if self.mode == "output" else self._replay
        try:
            return await check(folder, commands)
        except ContractError as error:
            return self._result("refused", str(error))

    async def _output(self, folder: Path, commands: Sequence[Command]) -> GateResult:
        name = f"agent_work/{FIX}"
        with taken(folder, name) as fixed:
            if fixed is None:
                return self._result("refused", f"there is no {name}")
            hashes = {"checked": digest(fixed.read_bytes())}
            if hashes["checked"] == self.gold_digest:
                return self._result("refused", "it is a byte copy of the gold", name, hashes)
            check = await self.judge.check(self.gold, fixed, self.question)
            if not check.passed:
                return self._result("refused", check.message, name, hashes)
            trace = trace_copies(commands, scripts_in(folder))
            how = trace.direct or trace.circumstantial
            # Reading both workbooks once more is worth it only where something points to a copy.
            same = await self.judge.same_contents(self.gold, fixed) if how else None
        evidence = {"commands": how, "same_contents_everywhere": same}
        if trace.direct or (trace.circumstantial and same):
            reason = f"it is the gold workbook in another package: {how}"
            return self._result("refused", reason, name, hashes, evidence)
        return self._result("held", "all cells that count match", name, hashes, evidence)

    async def _replay(self, folder: Path, commands: Sequence[Command]) -> GateResult:
        name = f"agent_work/{FIX_SCRIPT}"
        room = folder.with_name(f"{folder.name}.replay")
        try:
            script = take_file(folder / name, room / FIX_SCRIPT, MAX_SCRIPT)
            if script is None:
                return self._result("refused", f"there is no {name}")
            hashes = {"checked": digest(script.read_bytes())}
            shutil.copyfile(self.given, room / "input.xlsx")
            said = await self._run_script(room)
            with taken(room, FIX) as output:
                if output is None:
                    reason = f"{name}, run on the input alone, wrote no workbook: {said}"
                    return self._result("refused", reason, name, hashes)
                check = await self.judge.check(self.gold, output, self.question)
            if not check.passed:
                reason = f"what {name} wrote from the input alone is not right: {check.message}"
                return self._result("refused", reason, name, hashes)
            return await self._unless_hard_coded(script, room, name, hashes)
        finally:
            remove_tree(room)

    async def _unless_hard_coded(
        self, script: Path, room: Path, name: str, hashes: dict[str, str]
    ) -> GateResult:
        source = script.read_text(encoding="utf-8", errors="replace")
        literals = find_literals(source, self.answers, self.instruction)
        held, of = await self._answers_from_nothing(room)
        evidence = {
            "literal_answers": literals.found,
            "answer_cells": literals.cells,
            "literal_share": round(literals.share, 3),
            "literal_threshold": SHARE,
            "literal_examples": list(literals.examples),
            "answers_from_an_emptied_workbook": f"{held} of {of}",
        }
        if literals.carries_answers:
            reason = (
                f"{name} holds {literals.found} of the {literals.cells} expected values as "
                "literals: it carries the answers and does not work them out"
            )
            return self._result("refused", reason, name, hashes, evidence)
        if of and held > PROBE_SHARE * of:
            reason = (
                f"{name} gives {held} of {of} answers for a workbook without any value: it "
                "carries the answers and does not work them out"
            )
            return self._result("refused", reason, name, hashes, evidence)
        return self._result("held", "it works out a right workbook", name, hashes, evidence)

    async def _answers_from_nothing(self, room: Path) -> tuple[int, int]:
        """How many answers the script finds where there is nothing to find them in."""
        if not any(str(a).lower() not in self.instruction.lower() for a in self.answers):
            return 0, 0
        (room / FIX).unlink(missing_ok=True)
        if not await self.judge.empty_workbook(self.given, room / "input.xlsx"):
            return 0, 0
        await self._run_script(room)
        with taken(room, FIX) as output:
            if output is None:
                return 0, len(self.answers)
            return await self.judge.matching_answers(self.gold, self.given, output, self.question)

    async def _run_script(self, room: Path) -> str:
        async with self.sandbox.case(room, hide=self.hide) as shell:
            done = await shell.run(f"python {FIX_SCRIPT} input.xlsx {FIX}")
        return done.render(400)

    def _result(
        self,
        verdict: Verdict,
        reason: str,
        checked: str = "",
        hashes: dict[str, str] | None = None,
        evidence: dict[str, Any] | None = None,
    ) -> GateResult:
        own = {"gold": self.gold_digest, "input": digest(self.given.read_bytes())}
        return GateResult(
            mode=self.mode,
            verdict=verdict,
            reason=reason,
            checked=checked,
            sha256={**own, **(hashes or {})},
            position=self.question.position,
            rules=self.question.rules,
            evidence=evidence or {},
            checked_at=now(),
        )


def scripts_in(folder: Path) -> dict[str, str]:
    """Small scripts that the analyst left, by name; links and the like are passed over."""
    found: dict[str, str] = {}
    if (folder / "agent_work").is_symlink():
        return found
    for path in sorted([*folder.glob("*.py"), *folder.glob("agent_work/*.py")])[:50]:
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_SCRIPT:
            found.setdefault(path.name, path.read_text(encoding="utf-8", errors="replace"))
    return found
