"""A whole reproduction on the bundled tasks, with recorded replies: no account, no network."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import ROOT
from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.layout import REPORT_PAGE
from react_agent.settings import Settings, setting
from react_agent.text import say

if TYPE_CHECKING:
    from trace2skill.reproduce.pipeline import Pipeline
    from trace2skill.reproduce.recipe import Recipe

CONFIG = Path("data/mini/reproduce.toml")
MODEL = "scripted-demo-model"
MIN_FREE_DISK = 100
"""MiB; a demo writes some ten."""
ABOUT = (
    f"Run the reproduction of {CONFIG}: baselines, verdicts, lessons, evolution, and the evolved "
    "skill on the held-out half of 24 bundled tasks. By default every reply of the model comes "
    "from a cassette of scripted replies: it shows the mechanics and measures nothing."
)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Demo, argv, ABOUT)


@dataclass(frozen=True, kw_only=True)
class Demo(Settings):
    """The reproduction of the bundled tasks."""

    output_dir: Path = setting("all results, made anew", Path("outputs/demo"))
    workers: int = setting("cases in flight", 4, least=1)
    live: bool = setting("ask a real endpoint instead", False)
    model: str | None = setting("with --live", None, default_text="OPENAI_MODEL, else gpt-4o")
    base_url: str | None = setting("with --live: the endpoint; else OPENAI_BASE_URL", None)
    generation_config: str | None = setting("with --live: sampling settings", None)
    record: str | None = setting("with --live: also write the replies to a cassette", None)
    keep: bool = setting("go on with an earlier demo's results", False)


async def _run(settings: Demo) -> int:
    from react_agent.lock import only_start
    from trace2skill.reproduce.conduct import Conductor

    os.chdir(ROOT)
    recipe = _recipe(settings)
    if not settings.keep:
        shutil.rmtree(recipe.output, ignore_errors=True)
    conductor = Conductor.of(recipe)
    conductor.check()
    with only_start(recipe.output):
        code = await conductor.run()
    chosen = conductor.chosen()
    if code == OK and chosen is not None:
        _show_skill(conductor.pipeline, chosen)
        say(f"\n{conductor.closing}\n{_next_steps(conductor.pipeline, chosen)}")
    return code


def _recipe(settings: Demo) -> "Recipe":
    from trace2skill.reproduce.recipe import ModelTable, Recipe

    recipe = Recipe.load(CONFIG)
    changes: dict[str, object] = {
        "output": settings.output_dir,
        "workers": settings.workers,
        "min_free_disk": MIN_FREE_DISK,
    }
    if settings.live:
        changes["model"] = ModelTable(
            name=settings.model or os.environ.get("OPENAI_MODEL", "gpt-4o"),
            base_url=settings.base_url or "",
            generation_config=settings.generation_config or "",
            record=settings.record or "",
        )
    return recipe.model_copy(update=changes)


def _show_skill(pipeline: "Pipeline", seed: int) -> None:
    """What evolution added, and where two of the lines come from."""
    from react_agent.skills import Skill, diff_files
    from skill_evolver.commands import blame
    from skill_evolver.commands.settings import Blame

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
        blame.work(Blame(place=f"{after.root}/SKILL.md:{number}"))


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
