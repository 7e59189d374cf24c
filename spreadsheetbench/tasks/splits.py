"""Training and held-out halves: the published ones, stratified ones, and folds.

trace2skill split --data_path DATA --split stratified --seed 1 --output halves.json
"""

import random
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from spreadsheetbench.tasks.settings import SplitName, Splits

if TYPE_CHECKING:
    from react_agent.seams import Task

Halves = tuple[slice, slice]
PUBLISHED: Halves = (slice(0, 200), slice(200, 400))
"""The paper's: rows 0:200 teach, rows 200:400 are held out. The halves differ in type: 125
sheet-level and 75 cell-level tasks against 200 cell-level ones."""
DIFFERENT = 10.0
"""Percentage points of a type's share from which halves are called different."""


class Part:
    """Tasks that belong together, in the order of the data set."""

    def __init__(self, name: str, tasks: "Sequence[Task]") -> None:
        self.name, self.tasks = name, tuple(tasks)

    @property
    def ids(self) -> list[str]:
        return [task.id for task in self.tasks]

    @property
    def types(self) -> dict[str, int]:
        counts = Counter(task.instruction_type or "Unknown" for task in self.tasks)
        return dict(sorted(counts.items()))


def published(tasks: "Sequence[Task]", halves: Halves | None = PUBLISHED) -> list[Part]:
    """Raises ContractError for a data set that the published rows do not cover."""
    from react_agent.errors import ContractError

    wanted = (halves[1].stop or halves[1].start + 1) if halves else 0
    if halves is None or len(tasks) < wanted or (halves == PUBLISHED and len(tasks) != wanted):
        published = f"is of {wanted} tasks" if halves else "is of another set"
        raise ContractError(
            f"the published split {published}, and this data set holds {len(tasks)}; "
            "take --split stratified or kfold"
        )
    return [Part("train", tasks[halves[0]]), Part("held_out", tasks[halves[1]])]


def stratified(tasks: "Sequence[Task]", seed: int) -> list[Part]:
    """Two halves, drawn within each instruction type; in a type of odd size they differ by one."""
    one, two = kfold(tasks, 2, seed)
    return [Part("train", one.tasks), Part("held_out", two.tasks)]


def kfold(tasks: "Sequence[Task]", folds: int, seed: int) -> list[Part]:
    """`folds` disjoint parts over all tasks. Sizes differ by at most one, as do the counts of a
    type: dealing goes on where the type before it ended.

    Raises ContractError for more folds than tasks.
    """
    from react_agent.errors import ContractError

    if not 2 <= folds <= len(tasks):
        raise ContractError(f"{folds} folds of {len(tasks)} tasks: give from 2 to {len(tasks)}")
    draw = random.Random(seed)
    by_type: dict[str, list[str]] = {}
    for task in tasks:
        by_type.setdefault(task.instruction_type, []).append(task.id)
    dealt: list[str] = []
    for kind in sorted(by_type):
        draw.shuffle(by_type[kind])
        dealt += by_type[kind]
    hands = [set(dealt[number::folds]) for number in range(folds)]
    return [
        Part(f"fold_{number}", [task for task in tasks if task.id in hand])
        for number, hand in enumerate(hands, start=1)
    ]


def make(
    name: SplitName,
    tasks: "Sequence[Task]",
    *,
    seed: int = 0,
    folds: int = 5,
    halves: Halves | None = PUBLISHED,
) -> list[Part]:
    if name == "published":
        return published(tasks, halves)
    return stratified(tasks, seed) if name == "stratified" else kfold(tasks, folds, seed)


def type_lines(parts: Sequence[Part]) -> list[str]:
    """How many tasks of each type every part holds, and whether the parts are alike in that."""
    kinds = sorted({kind for part in parts for kind in part.types})
    lines = []
    for part in parts:
        size = len(part.tasks)
        held = ", ".join(
            f"{part.types.get(kind, 0)} {kind} ({100 * part.types.get(kind, 0) / size:.0f} %)"
            for kind in kinds
        )
        lines.append(f"{part.name}: {size} tasks; {held}")
    gaps = {kind: _gap(parts, kind) for kind in kinds}
    widest = max(gaps, key=lambda kind: gaps[kind])
    smallest = min(len(part.tasks) for part in parts)
    # A single task more in a small part is what no split can avoid.
    apart = gaps[widest] >= DIFFERENT and gaps[widest] / 100 * smallest > 1 + 1e-9
    alike = "differ" if apart else "are alike"
    lines.append(f"the parts {alike} in type: {gaps[widest]:.1f} points apart in {widest}")
    return lines


def _gap(parts: Sequence[Part], kind: str) -> float:
    shares = [100 * part.types.get(kind, 0) / len(part.tasks) for part in parts]
    return max(shares) - min(shares)


ABOUT = (
    "Split a data set into lists of task ids that --instance_ids takes: the published halves, "
    "halves that are alike in instruction type, or folds that are."
)
EPILOG = "The same seed gives the same split. Exit codes: 0 done, 2 wrong input."


def run(settings: Splits) -> list[Part]:
    """The parts, also written where the settings say so. Raises ContractError."""
    from react_agent.errors import ContractError
    from react_agent.files import digest, write_json
    from react_agent.registry import DOMAINS, find

    domain = find(DOMAINS, "--domain", settings.domain)(settings.data_path)
    if settings.folds and settings.split == "stratified":
        raise ContractError("--folds goes with --split kfold, whose folds are stratified too")
    split: SplitName = "kfold" if settings.folds else settings.split
    folds = settings.folds or 5
    parts = make(split, domain.tasks, seed=settings.seed, folds=folds, halves=domain.halves)
    if settings.output:
        write_json(
            settings.output,
            {
                "data_path": str(settings.data_path),
                "dataset": digest(domain.source.read_bytes()),
                "split": split,
                "seed": None if split == "published" else settings.seed,
                "types": {part.name: part.types for part in parts},
                "parts": {part.name: part.ids for part in parts},
            },
        )
    return parts


def split(settings: Splits) -> int:
    from react_agent.errors import ContractError

    parts = run(settings)
    if settings.part:
        named = {part.name: part for part in parts}
        if settings.part not in named:
            raise ContractError(f"--print {settings.part}: the parts are {', '.join(named)}")
        say(",".join(named[settings.part].ids))
        return OK
    say("\n".join(type_lines(parts)))
    for part in parts:
        say(f"\n{part.name}: --instance_ids {shlex.quote(','.join(part.ids))}")
    return OK


def main(argv: list[str] | None = None) -> int:
    return run_stage(split, Splits, argv, ABOUT, EPILOG)
