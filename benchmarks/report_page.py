"""What a report costs to write, and to open.

    python benchmarks/report_page.py [RUN ...] [--tasks 50,200] [--repeats 3] [--data_path DIR]

Without RUN folders one is built for every size of --tasks: the real rollouts on copies of the
bundled tasks against the scripted server, and their verdicts. Wall time and peak memory are of the
report command's own process, without the interpreter's start; the workers that read its workbooks
have a limit of their own and are in the wall time only. The base is one pass over the same run that
the report cannot leave out: reading every file of it once. `ready` is the time from opening the
page in chromium to its heading, and `tasks` to the first row of its task table, each in a new
browser context; medians of the repeats. Without playwright or chromium they are left out.
"""

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from measuring import measured
from measuring.minirun import copies, rollouts, served
from measuring.table import ratio, show

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]


@contextlib.contextmanager
def built(tasks: int) -> Iterator[tuple[Path, Path]]:
    """A run of so many tasks with its verdicts, and its data set."""
    with tempfile.TemporaryDirectory() as name, served(0.0) as url:
        run, data = Path(name) / "run", copies(Path(name) / "data", tasks)
        rollouts(data, run, url, 32, "--sandbox", "none")
        flags = ["--data_path", data, "--output_dir", run / "outputs"]
        measured.run("evaluate_with_official", flags)
        yield run, data


def read_all(run: Path, data: Path | None) -> float:
    """Wall seconds; what is read twice comes from memory, as for the report."""
    started = time.perf_counter()
    for folder in filter(None, (run, data)):
        for path in folder.rglob("*"):
            if path.is_file():
                path.read_bytes()
    return time.perf_counter() - started


def opened(page_file: Path, repeats: int) -> list[str]:
    """Seconds until the heading and until the task table, as far as there is a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return ["-", "-"]
    if not CHROMIUM:
        return ["-", "-"]
    found: dict[str, list[float]] = {"h1": [], "tbody tr": []}
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for selector, times in found.items():
            view = "#/tasks" if selector != "h1" else ""
            for _ in range(repeats):
                context = browser.new_context()
                page = context.new_page()
                started = time.perf_counter()
                page.goto(f"{page_file.absolute().as_uri()}{view}", wait_until="commit")
                page.wait_for_selector(selector)
                times.append(time.perf_counter() - started)
                context.close()
        browser.close()
    return [f"{median(times):.2f}" for times in found.values()]


def row(name: str, run: Path, data: Path | None, repeats: int, views: int) -> list[object]:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        flags: list[object] = [run, "--output", page]
        if data:
            flags += ["--data_path", data]
        used = [measured.run("reporting.page.command", flags) for _ in range(repeats)]
        beside = page.with_name("report_files")
        size = sum(p.stat().st_size for p in (page, *beside.glob("*")) if p.is_file())
        ready = opened(page, views) if views else ["-", "-"]
    wall, base = median(one.wall for one in used), read_all(run, data)
    cpu = median(one.cpu for one in used)
    peak = max(one.peak_mb for one in used)
    figures = [f"{wall:.1f}", f"{base:.2f}", ratio(wall, base), f"{cpu:.1f}", f"{peak:.0f}"]
    return [name, *figures, f"{size / 1e6:.1f}", *ready]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN")
    parser.add_argument("--tasks", default="50,200", help="sizes of the runs to build")
    parser.add_argument("--data_path", type=Path, help="of the RUNs; default: what they recorded")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-browser", action="store_true", help="only write the pages")
    args = parser.parse_args()
    views = 0 if args.no_browser else args.repeats
    rows = [row(str(run), run, args.data_path, args.repeats, views) for run in args.runs]
    for part in args.tasks.split(",") if not args.runs else ():
        with built(int(part)) as (run, data):
            rows.append(row(f"{part} tasks", run, data, args.repeats, views))
    heads = ["run", "wall s", "reading alone s", "ratio", "own CPU s", "peak MB", "page MB"]
    show("A report", [*heads, "ready s", "tasks s"], rows)


if __name__ == "__main__":
    main()
