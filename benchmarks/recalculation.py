"""Verdicts that calculation engines regain, and what they cost: golds as openpyxl saves them.

    python benchmarks/recalculation.py [--data_path DIR] [--engines betteroffice,formulon]

openpyxl drops every cached value on saving. Of the golds with a formula among the compared cells,
each is loaded and saved by openpyxl and then scored against itself, by the released rules and with
`--recalculate uncached`. `engine` is the CPU of the engine alone, for all formulas that are asked
for, and `second column` that of all that the scorer does beyond its verdict: finding the formulas
as well. Workbooks a second is wall time of the engine. Processes that an engine starts count. An
engine that is not there is named, and passed over.
"""

import argparse
import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from measuring.folders import MINI
from measuring.table import show
from openpyxl import load_workbook

from react_agent.errors import ContractError
from spreadsheetbench.book.rules import RELEASED
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring import recalculation as engines
from spreadsheetbench.scoring.compare import parts
from spreadsheetbench.scoring.score import ScoreJob, score_case
from spreadsheetbench.scoring.settings import BookScoring
from spreadsheetbench.tasks.dataset import Dataset, Task


@dataclass
class Saved:
    """A gold with formulas in its compared cells, and what openpyxl makes of it."""

    task: Task
    gold: Path
    output: Path
    formulas: int


@dataclass
class Tally:
    """What one engine did."""

    passed: int = 0
    errors: int = 0
    wall: float = 0.0
    engine: list[float] = field(default_factory=list)
    column: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def spent(work: Callable[[], object]) -> float:
    start = cpu()
    work()
    return cpu() - start


def saved(dataset: Dataset, tasks: Sequence[Task], folder: Path) -> list[Saved]:
    found = []
    for task in tasks:
        gold = dataset.golds(task)[0]
        book, formulas = READERS["lazy"].read(gold), READERS["openpyxl"].formulas(gold)
        compared = parts(book, book, task.answer_position, RELEASED, task.answer_sheet)
        count = sum(
            part.box.holds(place)
            for part in compared
            if part.box and part.gold
            for place in formulas.sheets.get(part.gold.name, {})
        )
        if count:
            output = folder / f"{task.id}.xlsx"
            load_workbook(gold).save(output)
            found.append(Saved(task, gold, output, count))
    return found


def scored(one: Saved, settings: BookScoring) -> bool:
    """By the second column where there is one."""
    task = one.task
    job = ScoreJob(one.gold, one.output, task.answer_position, task.answer_sheet, settings=settings)
    verdict = score_case(job)
    again = verdict.passed_recalculated
    return verdict.passed if again is None else again


def tally(name: engines.EngineName, books: Sequence[Saved]) -> Tally:
    found = Tally()
    plain, settings = (
        BookScoring(proof_cache="off"),
        BookScoring(proof_cache="off", recalculate="uncached", recalc_engine=name),
    )
    for one in books:
        book, formulas = READERS["lazy"].read(one.output), READERS["openpyxl"].formulas(one.output)
        gold = READERS["lazy"].read(one.gold)
        compared = parts(gold, book, one.task.answer_position, RELEASED, one.task.answer_sheet)
        wanted = engines.uncached(book, formulas, compared)
        started, before = time.monotonic(), cpu()
        try:
            engines.ENGINES[name].compute(
                one.output, wanted, counts_from_1904=formulas.counts_from_1904
            )
        except Exception:  # engines are young, and what they raise is not documented
            found.errors += 1
        found.wall += time.monotonic() - started
        found.engine.append(cpu() - before)
        verdict = spent(lambda one=one: scored(one, plain))  # type: ignore[misc]
        before = cpu()
        passed = scored(one, settings)
        found.column.append(cpu() - before - verdict)
        found.passed += passed
        if not passed:
            found.lost.append(one.task.id)
    return found


def row(name: engines.EngineName, books: Sequence[Saved]) -> tuple[list[object], list[str]]:
    try:
        engines.ENGINES[name].check()
    except ContractError:
        return [name, "not installed", *["-"] * 5], []
    start = spent(lambda: tally(name, books[:1]))
    found = tally(name, books)
    share = f"{found.passed} of {len(books)} ({found.passed / len(books):.1%})"
    costs = [f"{1000 * mean(found.engine):.1f}", f"{1000 * median(found.engine):.1f}"]
    costs += [f"{1000 * mean(found.column):.1f}", f"{start:.2f} s"]
    return [name, share, f"{len(books) / found.wall:.1f}", *costs], found.lost


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=MINI, help="default: the bundled tasks")
    parser.add_argument("--engines", default=",".join(engines.ENGINES), help="names, by commas")
    parser.add_argument("--tasks", type=int, default=None, help="only the first ones")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # openpyxl warns of what it drops
    dataset = Dataset.load(args.data_path)
    tasks = [task for task in dataset.tasks[: args.tasks] if task.answer_position]
    with tempfile.TemporaryDirectory() as folder:
        books = saved(dataset, tasks, Path(folder))
        without = sum(scored(one, BookScoring(proof_cache="off")) for one in books)
        print(f"{len(books)} of {len(tasks)} golds have formulas in compared cells;")
        print(f"saved by openpyxl, {without} of these pass without a calculation.\n")
        rows, notes = [], []
        for name in args.engines.split(","):
            cells, lost = row(name, books)
            rows.append(cells)
            notes += [f"{name} does not regain: {', '.join(lost)}"] if lost else []
    heads = ["engine", "pass", "workbooks/s", "CPU ms", "median", "second column ms", "first"]
    show("Verdicts regained by calculation", heads, rows)
    print("\n".join(notes))


if __name__ == "__main__":
    main()
