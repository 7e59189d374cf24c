"""How close the rollout queue comes to the least possible makespan.

    python benchmarks/scheduling.py [--cases 50,200,912,10000] [--workers 16,128,512] [--repeats 5]

Cases have heavy-tailed numbers of turns, and every call a log-normal latency. They go through the
real queue (engines.queue.work_queue) and the real loop (ReActAgent) with a model that only
sleeps, on a simulated clock, so the figures are the scheduler's alone and the same on any machine.
The bound is max(longest case, total / workers): no order of the cases can end sooner. `static
chunks` deals the cases to the workers in advance, round robin, as the paper's release does.
`--longest_first` is the same queue after an earlier run of the same tasks, whose turns differ from
this run's by a log-normal factor (NOISE) and whose latencies are drawn anew. `knowing` is what a
queue could reach that knew exactly how long each case will take: what lies between it and the
queue is the price of not knowing, not of the queue.
`turns/CPU-s` is how fast queue and loop themselves are; the clock does not wait for them.
The rows with the real clock repeat up to 200 cases with sleeps of --scale times the latency,
to show that the simulation leaves nothing out. All ratios are medians over the seeds.
"""

import argparse
import asyncio
import heapq
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from measuring.clock import simulated
from measuring.function_model import FunctionModel
from measuring.table import show

from react_agent.engines.queue import work_queue
from react_agent.loop.agent import ReActAgent, Tool
from react_agent.model import Message
from react_agent.runs.case_queue import longest_first

MEDIAN_SECONDS, SIGMA = 8.0, 0.6
"""Of one call: a 122B model with reasoning answers in some seconds, now and then in a minute."""
MOST_TURNS = 100
NOISE = 0.4
"""Sigma of a task's turns from run to run; half of them are within a factor of 1.3."""


@dataclass(frozen=True)
class Case:
    latencies: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return sum(self.latencies)


def draw(count: int, seed: int) -> list[Case]:
    """Turns are Pareto: most cases need a handful, a few use up the limit."""
    dice = random.Random(seed)
    return [drawn(dice, int(3 * dice.paretovariate(1.3))) for _ in range(count)]


def drawn(dice: random.Random, turns: int) -> Case:
    turns = max(1, min(MOST_TURNS, turns))
    return Case(tuple(MEDIAN_SECONDS * dice.lognormvariate(0, SIGMA) for _ in range(turns)))


def by_earlier_run(cases: Sequence[Case], seed: int) -> list[Case]:
    """In the order that the rollouts' --longest_first gives them."""
    dice = random.Random(f"earlier {seed}")
    before = {
        (str(number), ""): drawn(dice, round(len(case.latencies) * dice.lognormvariate(0, NOISE)))
        for number, case in enumerate(cases)
    }
    taken = {key: case.seconds for key, case in before.items()}
    order = longest_first(range(len(cases)), lambda number: (str(number), ""), taken)
    return [cases[number] for number in order]


async def play(case: Case, scale: float = 1.0) -> None:
    """One case through the agent: a tool call for each turn but the last."""
    waits = iter(case.latencies)
    left = len(case.latencies)

    async def answer(messages: Sequence[Message]) -> str:
        nonlocal left
        await asyncio.sleep(next(waits) * scale)
        left -= 1
        if not left:
            return "ACTION: TASK_COMPLETE"
        return f'Action:\n{{"name": "bash", "arguments": {{"command": "step {left}"}}}}'

    async def bash(command: str) -> str:
        return "(no output)"

    agent = ReActAgent(FunctionModel(answer), [Tool("bash", ("command",), bash)], max_turns=1000)
    run = await agent.run([Message(role="user", content="go")])
    assert run.status == "completed", run.error


async def queued(cases: Sequence[Case], workers: int, scale: float = 1.0) -> None:
    outcomes = await work_queue(lambda case: play(case, scale), cases, workers=workers)
    for outcome in outcomes:
        if outcome.error:
            raise outcome.error


def static_chunks(cases: Sequence[Case], workers: int) -> float:
    return max(sum(case.seconds for case in cases[n::workers]) for n in range(workers))


def knowing(cases: Sequence[Case], workers: int) -> float:
    free = [0.0] * workers
    for seconds in sorted((case.seconds for case in cases), reverse=True):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def bound(cases: Sequence[Case], workers: int) -> float:
    return max(max(c.seconds for c in cases), sum(c.seconds for c in cases) / workers)


def measure(count: int, workers: int, repeats: int) -> list[object]:
    queue, ordered, static, known, speeds = [], [], [], [], []
    for seed in range(repeats):
        cases = draw(count, seed)
        least = bound(cases, workers)
        started = time.process_time()
        _, makespan = simulated(queued(cases, workers))
        turns = sum(len(case.latencies) for case in cases)
        speeds.append(turns / (time.process_time() - started))
        queue.append(makespan / least)
        again = simulated(queued(by_earlier_run(cases, seed), workers))[1]
        ordered.append(again / least)
        static.append(static_chunks(cases, workers) / least)
        known.append(knowing(cases, workers) / least)
    within = sum(value <= 1.05 for value in ordered)
    return [
        f"{count:,}",
        workers,
        "simulated",
        f"{median(queue):.3f}",
        f"{median(ordered):.3f}",
        f"{max(ordered):.3f}",
        f"{within} of {repeats}",
        f"{median(static):.2f}",
        f"{median(known):.3f}",
        f"{median(speeds):,.0f}",
    ]


def measure_real(count: int, workers: int, scale: float) -> list[object]:
    """One seed, waiting for real; the bound shrinks with the latencies."""
    cases = draw(count, 0)
    started, used = time.monotonic(), time.process_time()
    asyncio.run(queued(cases, workers, scale))
    seconds, used = time.monotonic() - started, time.process_time() - used
    started = time.monotonic()
    asyncio.run(queued(by_earlier_run(cases, 0), workers, scale))
    again = time.monotonic() - started
    least = bound(cases, workers) * scale
    turns = sum(len(case.latencies) for case in cases)
    return [
        f"{count:,}",
        workers,
        f"real x {scale:g}",
        f"{seconds / least:.3f}",
        f"{again / least:.3f}",
        f"{again / least:.3f}",
        f"{int(again <= 1.05 * least)} of 1",
        f"{static_chunks(cases, workers) / bound(cases, workers):.2f}",
        f"{knowing(cases, workers) / bound(cases, workers):.3f}",
        f"{turns / used:,.0f}",
    ]


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=numbers, default=[50, 200, 912, 10_000])
    parser.add_argument("--workers", type=numbers, default=[16, 128, 512])
    parser.add_argument("--repeats", type=int, default=5, help="seeds; 1 for 10,000 and more cases")
    parser.add_argument(
        "--scale", type=float, default=0.005, help="of the real clock; 0: leave out"
    )
    args = parser.parse_args()
    rows = []
    for count in args.cases:
        repeats = min(1, args.repeats) if count >= 10_000 else args.repeats
        rows += [measure(count, workers, repeats) for workers in args.workers]
    if args.scale:
        rows += [measure_real(min(200, args.cases[-1]), w, args.scale) for w in args.workers]
    heads = ["cases", "workers", "clock", "queue / bound", "--longest_first / bound"]
    heads += ["its worst seed", "its <= 1.05", "static / bound", "knowing / bound", "turns/CPU-s"]
    show("Makespan of rollouts against its lower bound", heads, rows)


if __name__ == "__main__":
    main()
