"""Whether time stays linear and memory flat from 50 to 10,000 cases.

    python benchmarks/growth.py [--cases 50,200,912,10000] [--only rollouts,again,...]

One run after the other through the real commands: copies of the bundled tasks, the scripted server
without latency, two light commands a case, no sandbox (its cost is a case's own and stands in
tool_start.py). Every command runs in a process of its own.

- CPU is the command's own and its children's, without the interpreter and the imports at the top.
- `a further case` is what each case beyond the next smaller size cost: linear is the same number
  in every row of a stage. The smallest size shows its mean, what a stage costs once included.
- Peak is of the command's process.
- `again` is the same rollouts command when all is done, `compare` puts the run beside itself,
  `lessons` is the agentic error analysis, with its gate, of as many failed runs, `evolve` is the
  real engine at 512 workers with a scripted author on a simulated clock.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import measured
from measuring.minirun import analysts, copies, rollouts, served
from measuring.table import show

WORKERS = 64
Stage = Callable[[], measured.Used]


def stages(folder: Path, count: int, url: str, analyst: str) -> dict[str, Stage]:
    """Every stage by name, in the order in which they need each other."""
    data, run, twin = folder / "data", folder / "run", folder / "twin"

    def roll() -> measured.Used:
        return rollouts(data, run, url, WORKERS, "--sandbox", "none")

    def evaluate() -> measured.Used:
        flags = ["--data_path", data, "--output_dir", run / "outputs"]
        return measured.run("evaluate_with_official", flags)

    def triage() -> measured.Used:
        verdicts = run / "outputs" / "eval_official_results.json"
        return measured.run(
            "analyze_results", ["--eval_results", verdicts, "--log_dir", run / "logs"]
        )

    def compare() -> measured.Used:
        shutil.copytree(run, twin)
        return measured.run("reporting.comparing.command", [run, twin])

    def report() -> measured.Used:
        flags = [run, "--output", folder / "report.html", "--data_path", data]
        return measured.run("reporting.page.command", flags)

    def learn() -> measured.Used:
        return analysts(data, folder / "failed", analyst, WORKERS, "--sandbox", "none")

    return {
        "rollouts": roll,
        "again": roll,
        "verdicts": evaluate,
        "triage": triage,
        "compare": compare,
        "report": report,
        "lessons": learn,
        "evolve": lambda: measured.run("measuring.growth_evolution", [count]),
    }


def measure(count: int, only: Sequence[str]) -> dict[str, measured.Used]:
    with tempfile.TemporaryDirectory() as name, served(0.0) as url, served(0.0, "analysts") as two:
        folder = Path(name)
        copies(folder / "data", count)
        every = stages(folder, count, url, two)
        return {stage: run() for stage, run in every.items() if stage in only}


def rows(sizes: Sequence[int], found: Sequence[dict[str, measured.Used]]) -> list[list[object]]:
    table: list[list[object]] = []
    for stage in found[0]:
        before, last = measured.Used(0.0, 0.0, 0.0, 0.0, 0.0), 0
        for count, used in zip(sizes, (one[stage] for one in found), strict=True):
            more = count - last
            own = 1000 * (used.cpu - before.cpu) / more
            children = 1000 * (used.children - before.children) / more
            memory = 1000 * (used.peak_mb - before.peak_mb) / more if last else None
            cells = [stage, f"{count:,}", f"{used.cpu + used.children:.1f}", f"{own:.2f}"]
            cells += [f"{children:.2f}", f"{used.peak_mb:.0f}"]
            table.append([*cells, "-" if memory is None else f"{memory:.1f}", f"{used.wall:.1f}"])
            before, last = used, count
    return table


def main() -> None:
    names = list(stages(Path(), 0, "", ""))
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", default="50,200,912", help="sizes, smallest first")
    parser.add_argument("--only", default=",".join(names), help="stages; later ones need earlier")
    args = parser.parse_args()
    sizes = [int(part) for part in args.cases.split(",")]
    found = [measure(count, args.only.split(",")) for count in sizes]
    heads = ["stage", "cases", "CPU s", "own ms a further case", "children's", "peak MB"]
    show("Growth", [*heads, "KB a further case", "wall s"], rows(sizes, found))


if __name__ == "__main__":
    main()
