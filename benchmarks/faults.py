"""Nothing lost, nobody in: what faults, kills, full disks and hostile agents can do to a run.

    python benchmarks/faults.py [--reduced] [--seed 0] [--only lost,kills,...]

Offline: its own fault-injecting server, its own hostile agents and files, all drawn from the seed.
Prints one table; exit code 1 when a row is not reached. `--reduced` is the form for CI.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence

from measuring.table import show
from trial.row import Row, Trial

ROWS = (
    "lost",
    "refusals",
    "ids",
    "together",
    "kills",
    "disk",
    "stop",
    "escapes",
    "files",
    "inputs",
    "secrets",
    "injections",
)
"""Each is a module of rows/ with `measure(trial: Trial) -> Row`."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reduced", action="store_true", help="fewer trials, every kind once")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--only", default=",".join(ROWS), help="rows, by name (default: all)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    rows: list[Row] = []
    cells: list[list[object]] = []
    for name in args.only.split(","):
        started = time.monotonic()
        row: Row = importlib.import_module(f"rows.{name}").measure(Trial(args.seed, args.reduced))
        rows.append(row)
        cells.append([name, *row.cells, f"{time.monotonic() - started:.0f}"])
        for line in row.wrong:
            print(f"{name}: {line}", file=sys.stderr)
    heads = ["row", "what", "tried", "found", "to reach", "reached", "seconds"]
    show("Faults and hostile agents", heads, cells)
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
