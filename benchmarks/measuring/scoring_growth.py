"""Whole scoring runs of many sizes: a data set of copies, and the real command on it."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring.folders import ROOT
from measuring.measured import adopt_orphans
from measuring.treememory import TreePeak

from spreadsheetbench.tasks.dataset import Dataset, Task, output_name_of_gold

LIGHT = 14_000
"""Bytes of a gold workbook that is light; about half of the public ones."""


def light(dataset: Dataset, tasks: Sequence[Task]) -> list[Task]:
    found = [task for task in tasks if dataset.golds(task)[0].stat().st_size <= LIGHT]
    return found or list(tasks)


def copies(
    dataset: Dataset,
    tasks: Sequence[Task],
    folder: Path,
    count: int,
    write: Callable[[Path, Path, int], object],
) -> tuple[Path, Path]:
    """The folders of a data set of that many tasks, in any order, and of an output for each."""
    records, order = [], list(tasks)
    random.Random(0).shuffle(order)
    known = {str(record["id"]): record for record in json.loads(dataset.path.read_text("utf-8"))}
    outputs = folder / "outputs"
    for number in range(count):
        task = order[number % len(order)]
        name = f"{task.id}x{number}"
        path = f"spreadsheet/{name}"
        room = folder / path
        room.mkdir(parents=True)
        (outputs / path).mkdir(parents=True)
        gold = dataset.golds(task)[0]
        for book in dataset.folder(task).glob("*.xlsx"):
            link(book, room / book.name.replace(task.id, name))
        gold_name = gold.name.replace(task.id, name)
        write(gold, outputs / path / output_name_of_gold(gold_name), number)
        records.append({**known[task.id], "id": name, "spreadsheet_path": path})
    (folder / "dataset.json").write_text(json.dumps(records), encoding="utf-8")
    return folder, outputs


def link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def with_comment(gold: Path, target: Path, number: int) -> None:
    """Other bytes, same cells: nothing that is kept by content can be of use."""
    content, comment = gold.read_bytes(), f"{number:08}".encode()
    if content[-22:-18] == b"PK\5\6":
        content = content[:-2] + len(comment).to_bytes(2, "little") + comment
    target.write_bytes(content)


def scored(data: Path, outputs: Path, workers: int) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak megabytes of the command and its workers."""
    adopt_orphans()  # the workers' server outlives the command by a moment
    flags = ["--data_path", data, "--output_dir", outputs, "--workers", workers]
    command = [sys.executable, str(ROOT / "evaluate_with_official.py"), *map(str, flags)]
    env = {**os.environ, "XDG_CACHE_HOME": str(data / "cache")}  # no proofs from before
    quiet = subprocess.DEVNULL
    before, started = children(), time.monotonic()
    with TreePeak() as peak:
        subprocess.run(command, check=True, stdout=quiet, stderr=quiet, env=env)
        wall = time.monotonic() - started
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
    return wall, children() - before, peak.megabytes


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rows(
    dataset: Dataset,
    tasks: Sequence[Task],
    folder: Path,
    sizes: Sequence[int],
    write: Callable[[Path, Path, int], object],
    workers: int,
) -> list[list[object]]:
    """One for each size; `a further pair` is the CPU of each beyond the next smaller size."""
    found: list[list[object]] = []
    before, count = 0.0, 0
    for size in sizes:
        room = folder / str(size)
        data, outputs = copies(dataset, tasks, room, size, write)
        wall, cpu, peak = scored(data, outputs, workers)
        shutil.rmtree(room)
        further = 1000 * (cpu - before) / (size - count) if size != count else 0.0
        each = [f"{wall:.1f} s", f"{1000 * cpu / size:.2f} ms", f"{further:.2f} ms"]
        found.append([size, *each, f"{peak:.0f} MB"])
        before, count = cpu, size
    return found
