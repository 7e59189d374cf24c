"""CPU per scored pair of workbooks by engine, and whether all engines reach the same verdicts.

    python benchmarks/scoring.py [--data_path DIR] [--changes 240] [--growth 50,200,912,10000]

`two loads` is what a plain evaluation does: both workbooks through openpyxl for every pair.
`openpyxl` and `lazy` are the engines of `evaluate_with_official.py`, each timed on pairs of gold
and a changed copy of gold, by all three rule sets. `first`: nothing was seen before; with the
engine lazy this includes what would have to be proven of gold. `repeat`: another output of the
same task, whose cells were not seen before, as of a further seed; gold is still at hand. `reader
alone`: the same without what a pass has to prove.
Untouched inputs and `--changes` changed outputs are then scored by both engines, and every
difference in a verdict or its message counts. CPU is that of this one process. Last come whole
runs of the command on copies of the tasks: CPU of all processes, their start included, and their
peak memory together.
"""

import argparse
import contextlib
import random
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from measuring.changes import NUMBER, changed
from measuring.scoring_growth import light, with_comment
from measuring.scoring_growth import rows as rows_of_runs
from measuring.table import ratio, show
from openpyxl import load_workbook

from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import RULES
from spreadsheetbench.fast import lazy_reader, load_proof
from spreadsheetbench.fast.archive import Archive, Unusual
from spreadsheetbench.reading.reader import READERS, EngineName
from spreadsheetbench.scoring.compare import Comparison, Seen, compare
from spreadsheetbench.scoring.score import ScoreJob, score_case
from spreadsheetbench.scoring.settings import BookScoring
from spreadsheetbench.tasks.dataset import Dataset, Task

Pair = tuple[Task, Path, Path]
"""The task, its gold and an output."""

ENGINES: tuple[EngineName, ...] = ("openpyxl", "lazy")


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def two_loads(pair: Pair) -> None:
    for path in pair[1:]:
        try:
            load_workbook(path, data_only=True)
        except Exception:  # a change may be one that cannot be read
            continue


def score(pair: Pair, engine: EngineName) -> object:
    task, gold, output = pair
    settings = BookScoring(proof_cache="off", engine=engine)
    return score_case(
        ScoreJob(gold, output, task.answer_position, task.answer_sheet, None, settings)
    )


def outputs(
    dataset: Dataset, tasks: Sequence[Task], folder: Path, seed: int, count: int
) -> Iterator[Pair]:
    """`count` of them, those of one task after each other."""
    rng = random.Random(seed)
    for number, task in enumerate(tasks):
        gold = dataset.golds(task)[0]
        for _ in range(number, count, len(tasks)):
            yield task, gold, changed(gold, folder / "changed.xlsx", rng)


def another_cell(pair: Pair, folder: Path, name: str) -> Pair:
    """An output whose bytes no one has seen, of the same kind: one number differs."""
    task, gold, _ = pair
    return task, gold, with_another_number(gold, folder / name, len(name) + ord(name[0]))


def with_another_number(gold: Path, target: Path, number: int) -> Path:
    with zipfile.ZipFile(gold) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            part = old.read(entry)
            if entry.startswith("xl/worksheets/sheet"):
                part = NUMBER.sub(rb"\g<1>%d\2<" % number, part, 1)
            new.writestr(entry, part)
        new.comment = target.name.encode()
    return target


def alone(pair: Pair) -> float:
    """Inflating, decoding and comparing; that openpyxl would load it was found out before."""
    task, gold, output = pair
    right = lazy_reader.read(gold)
    try:
        package = load_proof.open_package(output.read_bytes())
    except Unusual:
        return seconds(lambda: score(pair, "lazy"))
    assert right

    def work() -> None:
        archive = Archive(output.read_bytes())
        for name in archive.names:
            archive.read(name)
        seen: Seen = {}
        book = lazy_reader.book_of(package)
        for rules in RULES.values():
            with contextlib.suppress(Exception):  # a fail, as the scorer says
                compare(right, book, task.answer_position, rules, task.answer_sheet, seen=seen)

    return seconds(work)


ROWS = ["two loads", "openpyxl", "lazy, first", "lazy, repeat", "lazy, reader alone"]


def timing(dataset: Dataset, tasks: Sequence[Task], folder: Path) -> list[list[object]]:
    spent = dict.fromkeys(ROWS, 0.0)
    for task in tasks:
        pair: Pair = task, dataset.golds(task)[0], Path()
        one, two, three = (another_cell(pair, folder, f"{name}.xlsx") for name in "abc")
        lazy_reader.kept.forget()
        load_proof.forget()
        spent["two loads"] += seconds(lambda one=one: two_loads(one))  # type: ignore[misc]
        spent["openpyxl"] += seconds(lambda one=one: score(one, "openpyxl"))  # type: ignore[misc]
        spent["lazy, first"] += seconds(lambda one=one: score(one, "lazy"))  # type: ignore[misc]
        spent["lazy, repeat"] += seconds(lambda two=two: score(two, "lazy"))  # type: ignore[misc]
        spent["lazy, reader alone"] += alone(three)
    base = spent["two loads"]
    return [
        [name, f"{1000 * total / len(tasks):.2f} ms", ratio(base, total)]
        for name, total in spent.items()
    ]


def differences(found: Iterable[Pair]) -> tuple[list[int], list[str]]:
    """Scored, passed by released rules, left to openpyxl as a whole; and where engines differ."""
    scored = passed = left = 0
    wrong = []
    golds: dict[EngineName, Book | str] = {}
    known = None
    for task, gold, output in found:
        if gold != known:
            known, golds = gold, {engine: read(gold, engine) for engine in ENGINES}
        expected, verdict = (verdicts(golds[engine], task, output, engine) for engine in ENGINES)
        scored += 1
        passed += expected[0].passed
        left += lazy_reader.read(output) is None
        if verdict != expected:
            kept = shutil.copyfile(output, Path(tempfile.gettempdir(), f"differs_{scored}.xlsx"))
            wrong.append(f"{task.id}: {expected} but {verdict}: see {kept}")
    return [scored, passed, left], wrong


def read(path: Path, engine: EngineName) -> Book | str:
    try:
        return READERS[engine].read(path)
    except Exception as error:  # part of the verdict
        return f"{type(error).__name__}: {error}"


def verdicts(gold: Book | str, task: Task, output: Path, engine: EngineName) -> list[Comparison]:
    """By each set of rules."""
    book = read(output, engine)
    if isinstance(gold, str) or isinstance(book, str):
        return [Comparison(False, f"{gold if isinstance(gold, str) else book}")]
    found = []
    for rules in RULES.values():
        try:
            found.append(compare(gold, book, task.answer_position, rules, task.answer_sheet))
        except Exception as error:  # as the scorer does
            found.append(Comparison(False, repr(error)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=Path("data/mini"))
    parser.add_argument("--changes", type=int, default=240, help="changed outputs to compare")
    parser.add_argument("--tasks", type=int, default=None, help="only the first ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=int, default=400, help="pairs of the whole run; 0: none")
    parser.add_argument("--growth", default="", help="sizes of runs on light workbooks: 50,200")
    parser.add_argument("--workers", type=int, default=2, help="of the whole runs")
    args = parser.parse_args()
    dataset = Dataset.load(args.data_path)
    tasks = dataset.tasks[: args.tasks]
    READERS["openpyxl"].read(dataset.golds(tasks[0])[0])  # the imports are not to count
    warnings.simplefilter("ignore")  # openpyxl warns of what it drops
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        heads = ["engine", "CPU per pair", "two loads / it"]
        show(f"Scoring {len(tasks)} pairs", heads, timing(dataset, tasks, folder))
        golds = {task.id: dataset.golds(task)[0] for task in tasks}
        rows, wrong = [], []
        for name, found in {
            "gold": [(task, golds[task.id], golds[task.id]) for task in tasks],
            "input": [(t, golds[t.id], dataset.cases(t)[0].input_path) for t in tasks],
            "changed": outputs(dataset, tasks, folder, args.seed, args.changes),
        }.items():
            counts, differ = differences(found)
            rows.append([name, *map(str, counts), str(len(differ))])
            wrong += differ
        heads = ["outputs", "scored", "passed", "left to openpyxl", "verdicts that differ"]
        show("Verdicts and messages by lazy beside openpyxl", heads, rows)
        print("\n".join(wrong))
        heads = ["pairs", "wall", "CPU per pair", "a further pair", "peak memory"]
        if args.run:
            write = with_another_number
            found = rows_of_runs(dataset, tasks, folder, [args.run], write, args.workers)
            show(f"Whole runs of the command, {args.workers} workers", heads, found)
        if args.growth:
            sizes = sorted(map(int, args.growth.split(",")))
            few = light(dataset, tasks)
            found = rows_of_runs(dataset, few, folder, sizes, with_comment, args.workers)
            show("The same on light workbooks, over and over", heads, found)


if __name__ == "__main__":
    main()
