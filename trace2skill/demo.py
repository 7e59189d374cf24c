"""A whole reproduction on the bundled tasks, with recorded replies: no account, no network."""

import argparse
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import ROOT
from react_agent.cli import OK, add_flag, positive, run_script, script_parser
from react_agent.layout import REPORT_PAGE
from react_agent.text import say

if TYPE_CHECKING:
    from trace2skill.reproduce.pipeline import Pipeline
    from trace2skill.reproduce.recipe import Recipe

CONFIG = Path("data/mini/reproduce.toml")
MODEL = "scripted-demo-model"
MIN_FREE_DISK = 100
"""MiB; a demo writes some ten."""


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        f"Run the reproduction of {CONFIG}: baselines, verdicts, lessons, evolution, and the "
        "evolved skill on the held-out half of 24 bundled tasks. By default every reply of the "
        "model comes from a cassette of scripted replies: it shows the mechanics and measures "
        "nothing."
    )
    output = Path("outputs/demo")
    add_flag(parser, "--output_dir", type=Path, default=output, help="all results, made anew")
    add_flag(parser, "--workers", type=positive, default=4, help="cases in flight")
    parser.add_argument("--live", action="store_true", help="ask a real endpoint instead")
    model = os.environ.get("OPENAI_MODEL", "gpt-4o")
    add_flag(parser, "--model", default=model, help="with --live; else OPENAI_MODEL")
    add_flag(parser, "--base_url", help="with --live: the endpoint; else OPENAI_BASE_URL")
    add_flag(parser, "--generation_config", help="with --live: sampling settings")
    add_flag(parser, "--record", help="with --live: also write the replies to a cassette")
    parser.add_argument("--keep", action="store_true", help="go on with an earlier demo's results")
    return parser


def demo(args: argparse.Namespace) -> int:
    from react_agent.lock import only_start
    from react_agent.models.spending.prices import Prices
    from trace2skill.reproduce.conduct import Conductor
    from trace2skill.reproduce.pipeline import Pipeline
    from trace2skill.reproduce.recipe import split_ids

    os.chdir(ROOT)
    recipe = _recipe(args)
    if not args.keep:
        shutil.rmtree(recipe.output, ignore_errors=True)
    pipeline = Pipeline(recipe, split_ids(recipe))
    conductor = Conductor(pipeline, Prices.load(recipe.budget.prices))
    conductor.check()
    with only_start(recipe.output):
        code = conductor.run()
    chosen = conductor.chosen()
    if code == OK and chosen is not None:
        _show_skill(pipeline, chosen)
        say(f"\n{conductor.closing}\n{_next_steps(pipeline, chosen)}")
    return code


def _recipe(args: argparse.Namespace) -> "Recipe":
    from trace2skill.reproduce.recipe import ModelTable, Recipe

    recipe = Recipe.load(CONFIG)
    changes: dict[str, object] = {
        "output": args.output_dir,
        "workers": args.workers,
        "min_free_disk": MIN_FREE_DISK,
    }
    if args.live:
        changes["model"] = ModelTable(
            name=args.model,
            base_url=args.base_url or "",
            generation_config=args.generation_config or "",
            record=args.record or "",
        )
    return recipe.model_copy(update=changes)


def _show_skill(pipeline: "Pipeline", seed: int) -> None:
    """What evolution added, and where two of the lines come from."""
    from react_agent.skills import Skill, diff_files
    from skill_evolver.commands import blame

    name = pipeline.recipe.start
    before = Skill.load(pipeline.recipe.skills_dir / name)
    after = Skill.load(pipeline.evolved_skills(seed) / name)
    _title("the skill's diff")
    say(diff_files(before.files, after.files))
    added = [
        number
        for number, line in enumerate(after.text.splitlines(), start=1)
        if line.strip() and line not in before.text.splitlines()
    ]
    for number in sorted({added[0], added[len(added) // 2]}) if added else ():
        _title(f"trace2skill blame {after.root}/SKILL.md:{number}")
        blame.main([f"{after.root}/SKILL.md:{number}"])


def _next_steps(pipeline: "Pipeline", seed: int) -> str:
    base, evolution = pipeline.teacher.folder, pipeline.evolution(seed)
    page = pipeline.root / REPORT_PAGE
    shown = f"  {page}  runs, tasks, cells and lessons, in a browser\n" * page.exists()
    return (
        f"\nLook next at\n{shown}"
        f"  {base}/logs/            conversations, named by their verdicts\n"
        f"  {base}/error_analysis/  a report for every failed run\n"
        f"  {evolution}/change.log  what the skill has learnt, with support\n"
        f"  trace2skill lessons {evolution / 'skills' / pipeline.recipe.start}\n"
        "  README.md: the same on your own model and on SpreadsheetBench"
    )


def _title(text: str) -> None:
    say(f"\n== {text}")


def main(argv: list[str] | None = None) -> int:
    return run_script(demo, build_parser(), argv)
