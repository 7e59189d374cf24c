"""What the first rows of a workbook cost for the prompt, against loading it whole.

    python benchmarks/preview.py [--data_path DIR] [--limit 100] [--repeats 3]

CPU of spreadsheet_agent.preview.preview for each input workbook, against openpyxl.load_workbook
(data_only, as the paper's release loads it for its preview) and reading the same five rows. Files
are the inputs of the data set and one made here with 5,000 rows x 30 columns on two sheets, to show
how both grow. Both take turns on every file; a file's figure is the least of the repeats, so that
other load on the machine counts little.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

import openpyxl
from measuring.folders import MINI
from measuring.table import ratio, show

from spreadsheet_agent.preview import ROWS, preview
from spreadsheetbench.tasks.dataset import Dataset


def whole(path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, data_only=True)
    rows = list(book.active.iter_rows(max_row=ROWS, values_only=True)) if book.active else []
    return "\n".join(map(str, rows))


def cpu(work: Callable[[Path], str], path: Path) -> float:
    started = time.process_time()
    work(path)
    return time.process_time() - started


def least(files: Sequence[Path], repeats: int) -> tuple[list[float], list[float]]:
    """CPU seconds of each file, the preview's and the whole load's."""
    ours, base = [], []
    for path in files:
        pairs = [(cpu(preview, path), cpu(whole, path)) for _ in range(repeats)]
        ours.append(min(pair[0] for pair in pairs))
        base.append(min(pair[1] for pair in pairs))
    return ours, base


def row(name: str, files: Sequence[Path], repeats: int) -> list[object]:
    ours, base = least(files, repeats)
    figures = [f"{1000 * value:.1f}" for value in (mean(ours), median(ours), max(ours), mean(base))]
    within = sum(value <= 0.005 for value in ours)
    return [name, len(files), *figures, ratio(mean(base), mean(ours)), f"{within} of {len(files)}"]


def large(path: Path) -> Path:
    book = openpyxl.Workbook(write_only=True)
    for title in ("Data", "More"):
        sheet = book.create_sheet(title)
        for number in range(5_000):
            sheet.append([f"row {number}", *range(number, number + 29)])
    book.save(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=MINI, help="default: the bundled tasks")
    parser.add_argument("--limit", type=int, default=100, help="tasks of the data set")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-large", action="store_true", help="without the workbook made here")
    args = parser.parse_args()
    data = Dataset.load(args.data_path)
    files = [case.input_path for task in data.tasks[: args.limit] for case in data.cases(task)]
    rows = [row(f"inputs of {data.root.name}", files, args.repeats)]
    with tempfile.TemporaryDirectory() as folder:
        if not args.no_large:
            rows.append(row("5,000 x 30, two sheets", [large(Path(folder) / "large.xlsx")], 1))
    heads = ["workbooks", "files", "mean ms", "median ms", "most ms", "whole load, mean ms"]
    show("CPU of a preview", [*heads, "whole / preview", "<= 5 ms"], rows)


if __name__ == "__main__":
    main()
