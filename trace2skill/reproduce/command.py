"""A whole reproduction from one file: baselines, lessons, evolutions, validation, comparison.

trace2skill reproduce reproduce.example.toml
"""

import argparse
import sys
from pathlib import Path

from react_agent.cli import (
    BAD_INPUT,
    OK,
    add_flag,
    add_logging_flag,
    not_negative,
    run_script,
    script_parser,
)
from react_agent.text import say

EPILOG = """Every stage is one of the published commands and leaves the same files in the same
folders, so that any of them can also be run by hand: commands.sh in the output lists them. Started
again it goes on where it stopped. Exit codes: 0 done, 1 work is still owed (a cap was reached, or
the endpoint failed), 2 wrong input, 130 interrupted."""


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Reproduce the paper's comparison from one TOML file: baselines on the held-out split, "
        "trajectories, verdicts and lessons on the training split, one evolution for each seed, "
        "their validation on the training split, and the best of them on the held-out split.",
        EPILOG,
    )
    parser.add_argument("config", type=Path, help="such as reproduce.example.toml")
    parser.add_argument("--dry-run", action="store_true", help="show the plan; call nobody")
    parser.add_argument("--yes", action="store_true", help="start without asking")
    group = parser.add_argument_group("budget of all stages and starts, in place of the file's")
    add_flag(group, "--max_cost", type=not_negative(float), metavar="DOLLARS", help="send no more")
    for name in ("tokens", "calls"):
        kind = not_negative(int)
        add_flag(group, f"--max_{name}", type=kind, metavar=name.upper(), help="send no more")
    add_logging_flag(parser)
    return parser


def reproduce(args: argparse.Namespace) -> int:
    from react_agent.lock import only_start
    from react_agent.models.spending.prices import Prices
    from trace2skill.reproduce.conduct import Conductor
    from trace2skill.reproduce.forecast import forecast, per_case, plan_text
    from trace2skill.reproduce.pipeline import Pipeline
    from trace2skill.reproduce.recipe import Recipe, split_ids

    recipe = Recipe.load(args.config)
    caps = {name: getattr(args, name) for name in ("max_cost", "max_tokens", "max_calls")}
    given = {name: cap for name, cap in caps.items() if cap is not None}
    recipe = recipe.model_copy(update={"budget": recipe.budget.model_copy(update=given)})
    prices = Prices.load(recipe.budget.prices)
    pipeline = Pipeline(recipe, split_ids(recipe))
    conductor = Conductor(pipeline, prices)
    conductor.check()
    rows = forecast(pipeline, conductor.plan())
    say(plan_text(rows, per_case(pipeline).basis, recipe.model.name, prices))
    if args.dry_run:
        say("Nothing was called.")
        return OK
    if not args.yes and sys.stdin.isatty() and not _agreed():
        return BAD_INPUT
    with only_start(recipe.output):
        return conductor.run()


def _agreed() -> bool:
    return input("Start? [y/N] ").strip().lower() in ("y", "yes")


def main(argv: list[str] | None = None) -> int:
    return run_script(reproduce, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
