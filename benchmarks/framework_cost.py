"""What rollouts and analysts cost besides the model and the tools.

    python benchmarks/framework_cost.py [--stage analysts] [--runs 200:128,512:512] [--no-bare]

The real rollouts command (run_spreadsheetbench.py's main, the preloaded skill, sandboxed bash) on
copies of the bundled tasks, against a server process with a fixed latency and a script of three
light turns; or the real error analysis, with its gate, of as many failed runs, four turns each.
`--runs` names cases:workers, `--latency` the seconds that a reply takes.

- CPU/turn is the command's own, its threads included; the interpreter's start and the imports, and
  the tools (children), are apart. The base is a bare aiohttp loop that sends as many calls.
- The latency bound is waves of workers x calls of a case x latency: no framework can be faster.
- In flight: the mean that the server saw between its first request and its last reply, against
  the mean that a run at the bound would have.
- CPU share: what framework, tools and server together would need at the least, all cores busy,
  against the wall time. Near 100 % the machine is the limit and not the framework.
"""

import argparse
import math
import os
import tempfile
from pathlib import Path

from measuring import measured
from measuring.minirun import CALLS_PER_CASE, STAGES, copies, served, stats
from measuring.table import ratio, show

PROMPT = 20_000
"""Characters; about what the preloaded skill and a task take."""


def measure(
    stage: str, cases: int, workers: int, latency: float, bare: bool, flags: list[str]
) -> list[object]:
    with tempfile.TemporaryDirectory() as name, served(latency, stage) as url:
        folder = Path(name)
        data = copies(folder / "data", cases)
        used = STAGES[stage](data, folder / "run", url, workers, *flags)
        seen = stats(url)
    turns = cases * CALLS_PER_CASE[stage]
    assert seen["calls"] == turns, f"{seen['calls']} calls instead of {turns}"
    bound = math.ceil(cases / workers) * CALLS_PER_CASE[stage] * latency
    base = bare_cpu(turns, min(cases, workers), latency) / turns if bare else 0.0
    per_turn = used.cpu / turns
    busy = (used.cpu + used.children) / (os.cpu_count() or 1) / used.wall
    return [
        f"{cases} / {workers}",
        f"{1000 * per_turn:.1f}",
        f"{1000 * base:.1f}" if base else "-",
        ratio(per_turn, base),
        f"{1000 * used.children / turns:.1f}",
        f"{used.start_up:.2f}",
        f"{used.peak_mb:.0f}",
        f"{seen['mean']:.0f} = {100 * bound / seen['window']:.0f} %",
        f"{used.wall:.1f}",
        f"{bound:.1f}",
        ratio(used.wall, bound),
        f"{100 * busy:.0f} %",
    ]


def bare_cpu(calls: int, workers: int, latency: float) -> float:
    # A short latency: CPU is what is compared, and it does not depend on the wait.
    with served(min(latency, 0.2)) as url:
        return measured.run("measuring.bare_client", [url, calls, workers, PROMPT]).cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stage", choices=STAGES, default="rollouts")
    parser.add_argument("--runs", default="200:128,512:512", help="cases:workers, ...")
    parser.add_argument("--latency", type=float, default=2.0, help="seconds a reply takes")
    parser.add_argument("--sandbox", default="auto", choices=["auto", "bwrap", "none"])
    parser.add_argument("--no-bare", action="store_true", help="without the bare client")
    args = parser.parse_args()
    flags = ["--sandbox", args.sandbox]
    rows = []
    for part in args.runs.split(","):
        cases, workers = map(int, part.split(":"))
        rows.append(measure(args.stage, cases, workers, args.latency, not args.no_bare, flags))
    heads = ["cases / workers", "CPU ms/turn", "bare client", "ratio", "tools ms/turn"]
    heads += [
        "start-up s",
        "peak MB",
        "mean in flight",
        "wall s",
        "latency bound s",
        "wall / bound",
    ]
    show(f"{args.stage.capitalize()}, {args.latency:g} s a reply", [*heads, "CPU share"], rows)


if __name__ == "__main__":
    main()
