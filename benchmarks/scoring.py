"""CPU per scored pair of workbooks by engine, and whether all engines reach the same verdicts.

    python benchmarks/scoring.py [--data_path data/mini] [--changes 240] [--tasks 200]

`two loads` is what a plain evaluation does: both workbooks through openpyxl for every pair.
`openpyxl` and `lazy` are the engines of `evaluate_with_official.py`, each timed on pairs of gold
and a changed copy of gold, by all three rule sets. `first`: nothing was seen before; with the
engine lazy this includes what would have to be proven of gold. `repeat`: another output of the
same task, whose cells were not seen before, as of a further seed; gold is still at hand.
Untouched inputs and `--changes` changed outputs are then scored by both engines, and every
difference in a verdict or its message counts. CPU is that of this one process.
"""

import argparse
import random
import re
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from openpyxl import load_workbook
from table import ratio, show

from spreadsheetbench import lazy_reader, load_proof
from spreadsheetbench.compare import Comparison, compare
from spreadsheetbench.dataset import Dataset, Task
from spreadsheetbench.reader import READERS, Book, EngineName
from spreadsheetbench.rules import RULES
from spreadsheetbench.scoring import ScoreJob, Settings, score_case

Pair = tuple[Task, Path, Path]
"""The task, its gold and an output."""

ENGINES: tuple[EngineName, ...] = ("openpyxl", "lazy")


NUMBER = re.compile(rb"(<c r=\"[A-Z]+[0-9]+\"(?: s=\"[0-9]+\")?(?: t=\"n\")?><v>)([0-9.]+)<")
"""A cell that holds one, which is no formula."""


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
    settings = Settings(engine=engine)
    return score_case(
        ScoreJob(gold, output, task.answer_position, task.answer_sheet, None, settings)
    )


def changed(gold: Path, target: Path, rng: random.Random) -> Path:
    """A copy in which one cell of one sheet, or in one of ten copies something else, differs."""
    with zipfile.ZipFile(gold) as old:
        parts = {name: old.read(name) for name in old.namelist()}
        sheets = [name for name in parts if name.startswith("xl/worksheets/sheet")]
        name = rng.choice(sheets) if rng.random() < 0.9 else rng.choice(list(parts))
        parts[name] = rng.choice(CHANGES)(parts[name], rng)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for entry, content in parts.items():
                new.writestr(entry, content)
    return target


def spot(part: bytes, mark: bytes, rng: random.Random) -> int:
    """Behind some occurrence of the mark; -1 without any."""
    start = rng.randrange(max(1, len(part)))
    found = part.find(mark, start)
    found = part.find(mark) if found < 0 else found
    return found + len(mark) if found >= 0 else -1


def put(mark: bytes, *texts: bytes) -> Callable[[bytes, random.Random], bytes]:
    def change(part: bytes, rng: random.Random) -> bytes:
        at = spot(part, mark, rng)
        return part if at < 0 else part[:at] + rng.choice(texts) + part[at:]

    return change


def other(mark: bytes, *texts: bytes) -> Callable[[bytes, random.Random], bytes]:
    """What follows the mark is replaced up to the next `<` or quote."""

    def change(part: bytes, rng: random.Random) -> bytes:
        at = spot(part, mark, rng)
        if at < 0:
            return part
        end = at
        while end < len(part) and part[end : end + 1] not in (b"<", b'"'):
            end += 1
        return part[:at] + rng.choice(texts) + part[end:]

    return change


def number(*texts: bytes) -> Callable[[bytes, random.Random], bytes]:
    """Instead of the number of some cell."""

    def change(part: bytes, rng: random.Random) -> bytes:
        found = NUMBER.search(part, rng.randrange(max(1, len(part)))) or NUMBER.search(part)
        if not found:
            return part
        return part[: found.start(2)] + rng.choice(texts) + part[found.end(2) :]

    return change


def dropped(part: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(max(1, len(part)))
    return part[:at] + part[at + rng.choice([1, 7, 400]) :]


CHANGES: Sequence[Callable[[bytes, random.Random], bytes]] = [
    *[number(b"7", b"-1.5", b"0.25", b"45000.75", b"1e400", b"1E-3", b"", b"NaN")] * 8,
    *[other(b"<v>", b"0", b"1", b"", b"2")] * 6,
    other(b"<v>", b"x", b"999999", b"#N/A", b"&#65;", b" 1"),
    other(b"<t>", b"x", b"1", b"", b"&amp;", b" 12 ", b"nan"),
    other(b' s="', b"0", b"1", b"2", b"3", b"99999"),
    other(b' t="', b"s", b"str", b"n", b"b", b"e", b"d", b"inlineStr"),
    other(b'<c r="', b"A1", b"b2", b"ZZ9", b""),
    put(b"</sheetData>", b'<mergeCells><mergeCell ref="A1:C9"/></mergeCells>'),
    put(b"</sheetData>", b'<hyperlinks><hyperlink ref="B2:C4" location="x"/></hyperlinks>'),
    put(b"<row ", b'x="1" ', b'ht="9" '),
    put(b"</row>", b'<row r="999"><c r="ZZ999"/></row>', b"<!-- -->", b"\n"),
    dropped,
]


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
    target = folder / name
    with zipfile.ZipFile(gold) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            part = old.read(entry)
            if entry.startswith("xl/worksheets/sheet"):
                part = NUMBER.sub(rb"\g<1>%d\2<" % len(name), part, 1)
            new.writestr(entry, part)
        new.comment = name.encode()
    return task, gold, target


def timing(dataset: Dataset, tasks: Sequence[Task], folder: Path) -> list[list[object]]:
    spent = dict.fromkeys(["two loads", "openpyxl", "lazy, first", "lazy, repeat"], 0.0)
    for task in tasks:
        pair: Pair = task, dataset.golds(task)[0], Path()
        one = another_cell(pair, folder, "first.xlsx")
        two = another_cell(pair, folder, "second.xlsx")
        lazy_reader.kept.forget()
        load_proof.forget()
        spent["two loads"] += seconds(lambda one=one: two_loads(one))  # type: ignore[misc]
        spent["openpyxl"] += seconds(lambda one=one: score(one, "openpyxl"))  # type: ignore[misc]
        spent["lazy, first"] += seconds(lambda one=one: score(one, "lazy"))  # type: ignore[misc]
        spent["lazy, repeat"] += seconds(lambda two=two: score(two, "lazy"))  # type: ignore[misc]
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


if __name__ == "__main__":
    main()
