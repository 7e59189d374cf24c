"""How long every command takes to show its help: what the imports at its top cost.

    python benchmarks/start_up.py [--repeats 5]

Each in a new interpreter, against one that runs nothing. The least of the repeats is shown, as
other load can only add.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

from measuring.folders import ROOT
from measuring.table import ratio, show

SCRIPTS = (
    "run_spreadsheetbench.py",
    "evaluate_with_official.py",
    "analyze_results.py",
    "analysis/run_error_analysis.py",
    "analysis/run_error_analysis_llm.py",
    "analysis/run_success_analysis_llm.py",
    "analysis/parse_error_analysis_outputs.py",
    "analysis/parse_success_analysis_outputs.py",
    "analysis/evaluate_output.py",
)
MODULES = (
    "skill_evolver.run_parallel_skill_evolution",
    "skill_evolver.run_parallel_combined_skill_evolution",
    "trace2skill",
)


def stages() -> list[str]:
    from trace2skill.cli import STAGES

    return list(STAGES)


def least(command: Sequence[str], repeats: int) -> tuple[float, float]:
    """Wall and CPU seconds."""
    walls, cpus = [], []
    for _ in range(repeats):
        before, started = _children(), time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - started)
        cpus.append(_children() - before)
    return min(walls), min(cpus)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    commands = {name: [name] for name in SCRIPTS}
    commands |= {f"-m {name}": ["-m", name] for name in MODULES}
    commands |= {f"trace2skill {name}": ["-m", "trace2skill", name] for name in stages()}
    bare = least([sys.executable, "-c", "pass"], args.repeats)
    rows: list[list[object]] = [["bare interpreter", *_cells(bare, bare)]]
    for name, flags in commands.items():
        found = least([sys.executable, *flags, "--help"], args.repeats)
        rows.append([name, *_cells(found, bare)])
    show("--help", ["command", "wall ms", "CPU ms", "/ bare", "<= 300 ms"], rows)


def _cells(found: tuple[float, float], bare: tuple[float, float]) -> list[object]:
    wall, cpu = found
    within = "yes" if wall <= 0.3 else "NO"
    return [f"{1000 * wall:.0f}", f"{1000 * cpu:.0f}", ratio(wall, bare[0]), within]


if __name__ == "__main__":
    main()
