"""Merging the same patches in other orders, and how far the results agree."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from react_agent.layout import BUDGET
from react_agent.model import Model
from skill_evolver.engine.evolution import connected
from skill_evolver.engine.finish import Finisher
from skill_evolver.engine.job import Job, prepare
from skill_evolver.engine.map_reduce import Evolver
from skill_evolver.engine.settings import Stability
from skill_evolver.engine.store import Store
from skill_evolver.guard.guardrails import Guard
from skill_evolver.lineage.grouping import Lesson
from skill_evolver.patches.patch import Patch

KEPT = Path("outputs/stability")
"""Where replies and spendings go when nothing else is said."""
SAME_LESSON = 0.5
"""Two lessons are the same when their source edits overlap at least this much (Jaccard)."""

Merge = list[tuple[Lesson, frozenset[str]]]
"""The lessons of one repetition with their source edits."""


async def stability(settings: Stability) -> str:
    """The report as text. Raises ContractError for inputs that do not fit.

    Nothing is left beside the skill, which may lie in a source tree, unless an evolution has left
    its replies there: those are paid already.
    """
    job = prepare(settings)
    places, folder = job.places, KEPT / job.skill.name
    if settings.intermediates_dir is None and not places.intermediates.exists():
        places = replace(places, intermediates=folder)
    if not (places.budget / BUDGET).exists():
        places = replace(places, home=folder, budget=folder)
    job = replace(job, places=places)
    async with connected(job) as model:
        return await merged_again(job, model, settings.times)


async def merged_again(job: Job, model: Model, times: int) -> str:
    """MAP once, merge `times` + 1 times; the report as text."""
    folder = job.places.intermediates
    evolver = Evolver(job.skill, Store(folder, model, readable=False), job.engine)
    guard = job.guard()
    batches = enumerate(evolver.batches(job.entries), start=1)
    work = [evolver.propose(n, batch, job.skill.files, guard) for n, batch in batches]
    leaves = await asyncio.gather(*work)
    merges = []
    for number in range(times + 1):
        order = list(range(len(leaves)))
        if number:
            random.Random(number).shuffle(order)
        store = Store(folder / "stability" / str(number), model, readable=False)
        again = Evolver(job.skill, store, job.engine)
        again.ledger.nodes.update(evolver.ledger.nodes)
        merges.append(await _merged(again, [leaves[i] for i in order], guard))
    return report(merges)


async def _merged(evolver: Evolver, leaves: Sequence[list[Patch]], guard: Guard) -> Merge:
    async def ready(patches: list[Patch]) -> list[Patch]:
        return patches

    patch = await evolver.reduce([ready(patches) for patches in leaves])
    finisher = Finisher(evolver, evolver.skill.other_files)
    _, lessons = finisher.sift(await finisher.exact(patch, guard), guard)
    reach = evolver.ledger.reach
    return [(e, frozenset(leaf for i in e.edits for leaf in reach(i))) for e in lessons]


def jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    return len(one & two) / len(one | two) if one | two else 1.0


def matches(one: Merge, two: Merge) -> dict[str, Lesson]:
    """For each lesson of one merge, the lesson of the other that comes from the same edits."""
    pairs = sorted(
        ((jaccard(a, b), x.id, y.id, y) for x, a in one for y, b in two),
        key=lambda p: (-p[0], p[1], p[2]),
    )
    found: dict[str, Lesson] = {}
    taken: set[str] = set()
    for score, mine, theirs, lesson in pairs:
        if score >= SAME_LESSON and mine not in found and theirs not in taken:
            found[mine] = lesson
            taken.add(theirs)
    return found


def report(merges: Sequence[Merge]) -> str:
    """Lessons of the first merge against the others: survival, support, overall Jaccard."""
    first, others = merges[0], merges[1:]
    found = [matches(first, other) for other in others]
    scores = [
        len(m) / (len(first) + len(o) - len(m) or 1) for m, o in zip(found, others, strict=True)
    ]
    lines = [
        f"{len(first)} lessons, merged again in {len(others)} other orders",
        "Jaccard over lessons: " + ", ".join(f"{score:.2f}" for score in scores),
        f"{'id':<6}{'survives':>9}  support: here, then in the other orders",
    ]
    for lesson, _ in first:
        there = [m.get(lesson.id) for m in found]
        supports = ", ".join(str(e.support) if e else "-" for e in there)
        kept = sum(e is not None for e in there)
        survives = f"{kept}/{len(others)}"
        lines.append(f"{lesson.id:<6}{survives:>9}  {lesson.support} -> {supports}  {lesson.title}")
    return "\n".join(lines)
