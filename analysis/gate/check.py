"""The gate: a failure is learned from only when the harness itself saw the repair hold.

`output` (the paper's): the domain compares the analyst's repair with the harness's own truth. A
repair that bears more marks of the truth than of what the agent had does not count. What this
shows: the analyst arrived at a right result. It had the truth before its eyes: whether it typed it
in, or took it over in a way that leaves no mark, nobody can tell.
`replay` (strict): the analyst's script is frozen, then run by the harness on the input alone, and
on variants of the input that are drawn afterwards, each in a sandbox where no truth exists and in
an empty folder. What it makes of the input has to be right, it has to work on a variant, its result
has to move with it, and its literals must not be able to carry the answers. What is right for a
variant is known to nobody, so that is not checked.
`off`: nothing is checked, for comparison.

The analyst may do what it likes with the truth in its folder, print what it likes and leave what
files it likes: none of that is looked at.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from analysis.evidence.workspace import AGENT_WORK, FIX_SCRIPT, remove_tree
from analysis.gate.literals import Script, weigh
from react_agent.errors import ContractError
from react_agent.files import digest, write_whole
from react_agent.proof import Movement
from react_agent.runs.folder import now
from react_agent.sandbox.door import Sandbox
from react_agent.sandbox.untrusted import MAX_TAKEN, take_file, taken
from react_agent.seams import Case, Domain

GateMode = Literal["output", "replay", "off"]
Verdict = Literal["held", "refused", "not checked"]
MAX_SCRIPT = 1024 * 1024
DRAWS = 2
"""Of each kind of variant that brings new values in; of the others one."""

ARRIVED = "the result is right; not that it was worked out, as the truth was there to be read"
NO_MARK = f"{ARRIVED}, and truth and input do not differ in any mark by which a copy is known"
ROOM = "its literals have room for the answers, which take little"
WORKED_OUT = "a script without the truth makes the right result, and others of other inputs"


class GateResult(BaseModel):
    """`gate.json`: what was checked, and what came of it; also what the domain compared by."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mode: GateMode
    verdict: Verdict
    reason: str
    proven: str = ""
    """What is known when it held, and no more."""
    checked: str = ""
    """The file that was scored, or the script that was run."""
    sha256: dict[str, str] = {}
    """Of the truth and of what was checked."""
    variants: int = 0
    """Other inputs that the script was run on."""
    evidence: dict[str, Any] = {}
    """What spoke for or against it."""
    checked_at: str = ""

    @property
    def held(self) -> bool:
        return self.verdict != "refused"


class _Refused(Exception):
    """The repair does not hold; says why."""


@dataclass(frozen=True)
class Variant:
    """One run of the script on another input."""

    kind: str
    new_values: bool
    changed: int
    movement: Movement

    @property
    def answered(self) -> bool:
        """Nobody who only knows the answers to the input as it was could do this."""
        moved = self.movement.works and self.movement.moved > 0
        return moved and (self.new_values or self.movement.new)


@dataclass(frozen=True)
class Gate:
    """The check of one case."""

    mode: GateMode
    domain: Domain[Any]
    case: Case
    truth: str
    """Digest of the harness's own truth, taken before the analyst started."""
    answers: tuple[object, ...]
    agent_folder: Path
    """Where the run left its files; the analyst cannot reach it."""
    sandbox: Sandbox
    hide: tuple[Path, ...] = ()

    async def check(self, folder: Path) -> GateResult:
        """Judge the repair that lies in the analyst's folder."""
        name = FIX_SCRIPT if self.mode == "replay" else self.domain.files.repair
        found: dict[str, Any] = {"mode": self.mode, "checked": f"{AGENT_WORK}/{name}"}
        found |= {"sha256": {"truth": self.truth}, "evidence": {}, "checked_at": now()}
        if self.mode == "off":
            found["checked"] = ""
            return GateResult(verdict="not checked", reason="the gate is off", **found)
        try:
            if self.domain.truth_digest(self.case) != self.truth:
                raise _Refused("the harness's own truth was changed during the analysis")
            check = self._output if self.mode == "output" else self._replay
            reason = await check(folder, found)
        except (_Refused, ContractError) as refused:
            return GateResult(verdict="refused", reason=str(refused), **{**found, "proven": ""})
        return GateResult(verdict="held", reason=reason, **found)

    async def _output(self, folder: Path, found: dict[str, Any]) -> str:
        name, files = found["checked"], self.domain.files
        with taken(folder, name) as fixed, taken(self.agent_folder, files.output) as output:
            if fixed is None:
                raise _Refused(f"there is no {name}")
            found["sha256"]["checked"] = digest(fixed.read_bytes())
            await self._right(fixed, found)
            origin = await self.domain.origin(self.case, fixed, output)
        found["evidence"]["marks"] = asdict(origin)
        if origin.is_copy:
            raise _Refused(
                f"it was made from {files.truth}: it bears {origin.of_truth} marks of it (such as "
                f"{', '.join(origin.examples)})"
            )
        found["proven"] = ARRIVED if origin.differing else NO_MARK
        return "it is right wherever it counts"

    async def _right(self, result: Path, found: dict[str, Any], what: str = "") -> None:
        check = await self.domain.check(self.case, result)
        found |= check.by
        if not check.passed:
            raise _Refused(f"{what}{check.message}")

    async def _replay(self, folder: Path, found: dict[str, Any]) -> str:
        name, files = found["checked"], self.domain.files
        script = _frozen(folder, name, found)
        with tempfile.TemporaryDirectory() as kept:
            with _room(folder) as room:
                self.domain.prepare(self.case, room)
                said = await self._run(script, room)
                before = take_file(room / files.repair, Path(kept, files.repair), MAX_TAKEN)
            if before is None:
                raise _Refused(f"{name}, run on the input alone, wrote no {files.repair}: {said}")
            await self._right(
                before, found, f"what {name} wrote from the input alone is not right: "
            )
            known = await self.domain.input_words(self.case)
            literals = weigh(script, self.answers, self.case.task.instruction, known)
            found["evidence"]["literals"] = asdict(literals)
            if how := literals.carries_answers:
                raise _Refused(f"{name} may carry the answers and not work them out: {how}")
            variants = [v async for v in self._variants(script, folder, before)]
        found["variants"] = len(variants)
        found["evidence"]["variants"] = [asdict(variant) for variant in variants]
        answered = _answered(name, variants)
        found["proven"] = WORKED_OUT if literals.bounded else f"{WORKED_OUT}; {ROOM}"
        return f"it makes the right result, and {answered} of {len(variants)} variants moved it"

    async def _variants(self, script: Script, folder: Path, before: Path) -> AsyncIterator[Variant]:
        named = f"{self.case.task.instruction}\n{script.said}"
        kinds = self.domain.variants
        for kind in [k for k, new in kinds.items() for _ in range(DRAWS if new else 1)]:
            with _room(folder) as room:
                seed = secrets.randbelow(2**32)
                changed = await self.domain.vary(self.case, room, kind, seed, named)
                if not changed:
                    continue
                await self._run(script, room)
                with taken(room, self.domain.files.repair) as after:
                    movement = Movement(works=False)
                    if after:
                        movement = await self.domain.movement(self.case, before, after)
            yield Variant(kind, kinds[kind], changed, movement)

    async def _run(self, script: Script, room: Path) -> str:
        write_whole(room / FIX_SCRIPT, script.text)
        files = self.domain.files
        async with self.sandbox.case(room, hide=self.hide) as shell:
            done = await shell.run(f"python {FIX_SCRIPT} {files.given} {files.repair}")
        return done.render(400)


def _frozen(folder: Path, name: str, found: dict[str, Any]) -> Script:
    """The script as it is now: what the analyst does to it afterwards changes nothing."""
    with taken(folder, name, MAX_SCRIPT) as file:
        if file is None:
            raise _Refused(f"there is no {name}")
        source = file.read_bytes()
    found["sha256"]["checked"] = digest(source)
    try:
        return Script.frozen(source.decode("utf-8", "replace"))
    except ValueError as error:
        raise _Refused(f"{name} is no Python: {error}") from None


def _answered(name: str, variants: list[Variant]) -> int:
    """How many variants were answered; refused when none was."""
    answered = sum(variant.answered for variant in variants)
    if answered:
        return answered
    if not variants:
        raise _Refused(f"no other input could be drawn to run {name} on")
    if not any(variant.movement.works for variant in variants):
        raise _Refused(f"{name} works on none of {len(variants)} other inputs of this kind")
    raise _Refused(f"what {name} writes does not move with any of {len(variants)} other inputs")


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    """An empty folder beside the analyst's; what a script left in an earlier one is gone."""
    room = folder.with_name(f"{folder.name}.replay")
    remove_tree(room)
    room.mkdir()
    try:
        yield room
    finally:
        remove_tree(room)
