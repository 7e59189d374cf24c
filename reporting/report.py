"""`trace2skill report RUN...`: one HTML file that shows runs, trajectories, cells and lessons."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from react_agent.cli import OK, add_flag, run_script, script_parser
from react_agent.layout import REPORT_PAGE
from react_agent.text import say

if TYPE_CHECKING:
    from reporting.page.evolutionview import EvolutionView
    from reporting.runs.runview import RunView


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Write one HTML file about runs: the funnel, accuracies, tasks to sort and filter, every "
        "trajectory beside its cells, and the evolved skill with the evidence of each line. It "
        "opens from disk and fetches nothing; details that are too large lie in a folder beside.",
        epilog="Exit codes: 0 written (also for damaged runs, whose problems are listed), "
        "2 wrong input, 130 interrupted.",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--output", type=Path, metavar="FILE.html", help="default: report.html in the first run"
    )
    add_flag(parser, "--skill", type=Path, help="an evolved skill; default: found beside the runs")
    add_flag(parser, "--data_path", type=Path, help="default: the data set that each run recorded")
    parser.add_argument("--title", help="default: the runs' names")
    parser.add_argument(
        "--prices", help="default: config/prices.json; a model without a price shows tokens only"
    )
    return parser


RUN_HELP = "a run folder, an outputs folder, or an eval_official_results.json"


def report(args: argparse.Namespace) -> int:
    from react_agent.errors import ContractError
    from react_agent.models.spending.prices import Prices
    from reporting.page.collect import Collection
    from reporting.page.evolutionview import EvolutionView, find_evolved
    from reporting.page.html import Details, to_json, write_page
    from reporting.runs.runview import load_runs

    output = args.output
    if output and output.suffix != ".html":
        raise ContractError(f"{output}: the report is an .html file")
    runs = [run for path in args.runs for run in load_runs(path)]
    for run in runs:
        if not run.task_ids:
            raise ContractError(f"{run.path}: holds no run: no results, verdicts or logs")
    names = names_of(runs)
    skill = args.skill or find_evolved(runs)
    evolution = EvolutionView.load(skill) if skill else None
    collection = Collection(runs, args.data_path)
    collection.gather()
    prices = Prices.load(args.prices)
    details = Details(output or runs[0].layout.root / REPORT_PAGE)
    for key, detail in collection.details():
        details.add(key, to_json(detail))
    index = build_index(names, collection, evolution, prices)
    title = args.title or f"Trace2Skill: {', '.join(names)}"
    size = write_page(title, {"title": title, **index}, details)
    beside = f", {details.files} files of details beside it" if details.files else ""
    say(f"{details.output} ({size / 1e6:.1f} MB{beside})")
    if index["problems"]:
        files = "1 file" if len(index["problems"]) == 1 else f"{len(index['problems'])} files"
        say(f"  {files} could not be used; the page lists them")
    return OK


def names_of(runs: "Sequence[RunView]") -> list[str]:
    """The folders' names, with as much of the path as it takes to tell them apart."""
    places = [
        Path(*run.layout.root.absolute().parts[1:], *filter(None, [run.layout.seed_folder]))
        for run in runs
    ]
    for depth in range(1, max(len(place.parts) for place in places) + 1):
        names = ["/".join(place.parts[-depth:]) for place in places]
        if len(set(names)) == len(names):
            break
    return [n if names.count(n) == 1 else f"{n} ({i})" for i, n in enumerate(names, start=1)]


def build_index(
    names: Sequence[str], collection: Any, evolution: "EvolutionView | None", prices: Any
) -> dict[str, Any]:
    """All that the page shows at once; the details come after."""
    from reporting.page import overview
    from reporting.page.collect import task_rows, trajectory_keys
    from reporting.page.evolutionview import lessons_of

    runs = collection.runs
    lessons: dict[str, Any] | None = None
    if evolution:
        known = evolution.provenance.runs if evolution.provenance else {}
        logs = {key: run.trajectory for key, run in known.items()}
        lessons = lessons_of(evolution, trajectory_keys(collection, logs))
    facts = [overview.run_facts(run, name, prices) for run, name in zip(runs, names, strict=True)]
    rows = task_rows(collection, prices)
    problems = [p for run in runs for p in run.problems] + collection.problems
    problems += evolution.problems if evolution else ()
    return {
        "recorded": any(run.recorded for run in runs),
        "runs": facts,
        "tasks": rows,
        "pairs": list(overview.pairs(runs, names)),
        "funnel": overview.funnel(runs, evolution),
        "distributions": list(overview.distributions(runs, names, prices)),
        "lessons": lessons,
        "prompts": collection.prompts,
        "problems": list(dict.fromkeys((p.file, p.reason) for p in problems)),
    }


def main(argv: list[str] | None = None) -> int:
    return run_script(report, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
