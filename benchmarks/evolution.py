"""How long the evolution's critical path is, and what its prompts cost.

    python benchmarks/evolution.py [--records 70,323] [--workers 16,128,512] [--repeats 3]

The real engine (skill_evolver.engine: MAP, merges in fives, guardrails, files) with the xlsx skill,
records made here and a scripted author whose every call takes a log-normal time, on a simulated
clock. Edits are drawn from a pool of lessons, so that merges have duplicates to unite.

Time: `bound` is max(longest path through the tree of calls, total / workers). `tight` knows besides
that after the work of any level the shortest chain of merges above it has to follow. `knowing`
starts the same calls by the longest path above them, as if every call's time were known before it
is made: what lies between it and the engine is the price of not knowing. `level by level` gives
the same calls the same times, but starts a level when the one below has ended, as the paper's
release does. Medians over the seeds.

Tokens (4 characters each): the engine's own prompts against sending, at every merge, the whole
skill and every patch in full (all fields, indented JSON, reasoning uncut). MAP prompts send the
whole skill either way; what a server with a prefix cache saves of them is their shared prefix.
"""

import argparse
import asyncio
import contextvars
import heapq
import json
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from measuring.clock import simulated
from measuring.evolution_author import answer, entries
from measuring.folders import SKILLS
from measuring.function_model import FunctionModel
from measuring.table import ratio, show

from analysis.lessons.leaks import LeakScan
from react_agent.model import Message
from react_agent.skills import Skill
from skill_evolver.engine.asking import PROMPTS, Talk
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.store import Store
from skill_evolver.engine.tree import levels
from skill_evolver.engine.views import skill_view
from skill_evolver.guard.guardrails import Guard
from skill_evolver.patches.patch import Patch

MEDIAN_SECONDS, SIGMA = 40.0, 0.6
BATCH = 5
CALL: contextvars.ContextVar[str] = contextvars.ContextVar("call")

T = TypeVar("T")


def seconds(seed: int, call: str) -> float:
    """By name, so that engine, baseline and bound see the same times."""
    return MEDIAN_SECONDS * random.Random(f"{seed} {call}").lognormvariate(0, SIGMA)


class Named(Evolver):
    """The engine, with every call's name known to the model."""

    async def ask(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        priority: int,
        parse: Callable[[str], T],
    ) -> Talk[T]:
        CALL.set(name)
        self.watch(name, messages)
        return await super().ask(name, messages, priority=priority, parse=parse)

    def watch(self, name: str, messages: Sequence[Message]) -> None:
        """Called with every prompt."""


class Watched(Named):
    """Keeps its prompts, and for merges what they would be in full."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.prompts: dict[str, str] = {}
        self.in_full: dict[str, str] = {}

    def watch(self, name: str, messages: Sequence[Message]) -> None:
        self.prompts[name] = "\n".join(m.text for m in messages)

    async def merge(self, name: str, patches: Sequence[Patch], level: int) -> Patch | None:
        whole = PROMPTS.render("_skill.j2", **skill_view(self.skill.files, self.skill.other_files))
        system = self.merge_prompt([])[1][0].text
        texts = [json.dumps(patch.model_dump(mode="json"), indent=2) for patch in patches]
        self.in_full[name] = "\n".join([system, whole, *texts])
        return await super().merge(name, patches, level)


Engine = TypeVar("Engine", bound=Named)


def evolve(kind: type[Engine], count: int, workers: int, seed: int) -> tuple[Engine, float]:
    """One evolution, and its simulated seconds."""

    async def reply(messages: Sequence[Message]) -> str:
        await asyncio.sleep(seconds(seed, CALL.get()))
        return answer(messages)

    skill = Skill.load(SKILLS / "xlsx")
    settings = EvolutionSettings(merge_batch_size=BATCH, workers=workers)
    # In memory where that can be: how fast a disk takes the files is not the question here.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        store = Store(Path(folder), FunctionModel(reply), readable=False)
        engine = kind(skill, store, settings)
        guard = Guard(skill.files, LeakScan())
        merged, took = simulated(engine.evolve(entries(count), guard))
    assert merged.edits, "nothing came of the evolution"
    assert not engine.failures, engine.failures
    return engine, took


def tree(count: int) -> list[list[tuple[str, list[int]]]]:
    """For every level the calls' names ("" where a patch goes up unmerged) and their members."""
    plan: list[list[tuple[str, list[int]]]] = [[(f"map_{n:04}", []) for n in range(1, count + 1)]]
    for level, members in enumerate(
        levels(count, BATCH, EvolutionSettings.max_merge_levels), start=1
    ):
        names = [f"merge_level_{level}/merged_{n:04}" for n in range(1, len(members) + 1)]
        plan.append([(n if len(g) > 1 else "", g) for n, g in zip(names, members, strict=True)])
    return plan


def level_by_level(count: int, workers: int, seed: int) -> float:
    total = 0.0
    for level in tree(count):
        free = [0.0] * workers
        for name, _ in level:
            if name:
                heapq.heapreplace(free, free[0] + seconds(seed, name))
        total += max(free)
    return total


def knowing(count: int, workers: int, seed: int) -> float:
    """List scheduling by the longest path that is left; level and place name a call."""
    took: dict[tuple[int, int], float] = {}
    above: dict[tuple[int, int], tuple[int, int]] = {}
    owed: dict[tuple[int, int], int] = {}
    for depth, level in enumerate(tree(count)):
        for place, (name, members) in enumerate(level):
            took[depth, place] = seconds(seed, name) if name else 0.0
            owed[depth, place] = len(members)
            above |= {(depth - 1, member): (depth, place) for member in members}
    path: dict[tuple[int, int], float] = {}
    for call in sorted(took, reverse=True):
        path[call] = took[call] + (path[above[call]] if call in above else 0.0)
    ready = [(-path[call], call) for call in took if not owed[call]]
    heapq.heapify(ready)
    running: list[tuple[float, tuple[int, int]]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, call = heapq.heappop(ready)
            heapq.heappush(running, (now + took[call], call))
        now, call = heapq.heappop(running)
        if parent := above.get(call):
            owed[parent] -= 1
            if not owed[parent]:
                heapq.heappush(ready, (-path[parent], parent))
    return now


def bounds(count: int, workers: int, seed: int) -> tuple[float, float]:
    """The plain one, and one that also sees that merges come after what they merge."""
    work, below = 0.0, [0.0]
    works = []
    for level in tree(count):
        ends = []
        for name, members in level:
            own = seconds(seed, name) if name else 0.0
            work += own
            ends.append(own + max((below[member] for member in members), default=0.0))
        below = ends
        works.append(work)
    plain = max(max(below), work / workers)
    tails, tight = [0.0], plain  # what has to follow each call of a level, from the top down
    for depth in range(len(works) - 1, -1, -1):
        tight = max(tight, works[depth] / workers + min(tails))
        level = tree(count)[depth]
        above = {
            member: tail + (seconds(seed, name) if name else 0.0)
            for (name, members), tail in zip(level, tails, strict=True)
            for member in members
        }
        tails = [above[member] for member in sorted(above)]
    return plain, tight


def time_row(count: int, workers: int, repeats: int) -> list[object]:
    ours, sharp, known, base = [], [], [], []
    for seed in range(repeats):
        least, tight = bounds(count, workers, seed)
        took = evolve(Named, count, workers, seed)[1]
        ours.append(took / least)
        sharp.append(took / tight)
        known.append(knowing(count, workers, seed) / least)
        base.append(level_by_level(count, workers, seed) / least)
    within = sum(value <= 1.1 for value in sharp)
    figures = [f"{median(one):.3f}" for one in (ours, sharp, known, base)]
    return [count, workers, *figures, f"{max(sharp):.3f}", f"{within} of {repeats}"]


def token_row(count: int) -> list[object]:
    engine, _ = evolve(Watched, count, 512, 0)
    maps = [text for name, text in engine.prompts.items() if name.startswith("map")]
    merges = [text for name, text in engine.prompts.items() if name.startswith("merge")]
    # On texts, not on paths: where the prompts of one role stop being alike.
    prefix = len(os.path.commonprefix(maps))  # noqa: RUF071
    mapped, merged = sum(map(len, maps)) / 4, sum(map(len, merges)) / 4
    full = sum(map(len, engine.in_full.values())) / 4
    shared = prefix * (len(maps) - 1) / 4
    return [
        count,
        len(maps),
        mapped,
        f"{100 * prefix * len(maps) / sum(map(len, maps)):.0f} %",
        len(merges),
        merged,
        full,
        ratio(merged, full),
        ratio(mapped + merged, mapped + full),
        ratio(mapped + merged - shared, mapped + full),
    ]


def main() -> None:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--records", type=numbers, default=[70, 323])
    parser.add_argument("--workers", type=numbers, default=[16, 128, 512])
    parser.add_argument("--repeats", type=int, default=3, help="seeds")
    args = parser.parse_args()
    times: list[Any] = [
        time_row(count, workers, args.repeats) for count in args.records for workers in args.workers
    ]
    heads = ["records", "workers", "engine / bound", "engine / tight", "knowing / bound"]
    heads.append("level by level / bound")
    show("Critical path of evolution", [*heads, "worst / tight", "tight <= 1.1"], times)
    heads = ["records", "MAP", "MAP tokens", "shared prefix", "merges", "merge tokens", "in full"]
    heads += ["merges / in full", "all / in full", "with a prefix cache"]
    show("Prompt tokens of evolution", heads, [token_row(count) for count in args.records])


if __name__ == "__main__":
    main()
