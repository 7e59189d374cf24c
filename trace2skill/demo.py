"""A whole reproduction on the bundled tasks, with recorded replies: no account, no network."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import MINI, ROOT
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.layout import STATE
from react_agent.lock import NAME
from react_agent.settings import Settings, setting

if TYPE_CHECKING:
    from trace2skill.reproduce.recipe import Recipe

CONFIG = MINI / "reproduce.toml"
RECORDED, LIVE = Path("outputs/demo"), Path("outputs/demo_live")
MIN_FREE_DISK = 100
"""MiB; a demo writes some ten."""
ABOUT = (
    "Run the reproduction of data/mini/reproduce.toml: baselines, verdicts, lessons, evolution, "
    "and the evolved skill on the held-out half of 24 bundled tasks. By default every reply of "
    "the model comes from a cassette of scripted replies: it shows the mechanics and measures "
    "nothing."
)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Demo, argv, ABOUT)


@dataclass(frozen=True, kw_only=True)
class Demo(Settings):
    """The reproduction of the bundled tasks."""

    output_dir: Path | None = setting(
        "all results; those of recorded replies are made anew, those of an endpoint are gone on "
        "with",
        None,
        default_text=f"{RECORDED}; {LIVE} with --live",
    )
    workers: int = setting("cases in flight", 4, least=1)
    live: bool = setting("ask a real endpoint instead", False)
    model: str | None = setting("with --live", None, default_text="OPENAI_MODEL")
    base_url: str | None = setting("with --live: the endpoint; else OPENAI_BASE_URL", None)
    provider: str | None = setting("with --live: a known endpoint, by name", None)
    generation_config: str | None = setting("with --live: sampling settings", None)
    record: str | None = setting("with --live: also write the replies to a cassette", None)
    yes: bool = setting("with --live: start without asking", False)
    keep: bool = setting("go on with an earlier demo of recorded replies", False)


async def _run(settings: Demo) -> int:
    from react_agent.lock import only_start
    from trace2skill.reproduce.command import finish, start
    from trace2skill.reproduce.conduct import Conductor

    recipe = recipe_of(settings)
    if settings.live:
        conductor = Conductor.of(recipe)
        conductor.progress = sys.stderr.isatty()
        return await start(conductor, yes=settings.yes)
    with only_start(recipe.output):
        if not settings.keep:
            _clear(recipe.output)
        conductor = Conductor.of(recipe)
        conductor.progress = False
        conductor.check()
        return await finish(conductor)


def recipe_of(settings: Demo) -> "Recipe":
    """Raises ContractError where no model is named."""
    from trace2skill.reproduce.recipe import ModelTable, Recipe

    recipe = Recipe.load(CONFIG)
    cassette = str(ROOT / recipe.model.replay)
    model = recipe.model.model_copy(update={"replay": cassette})
    if settings.live:
        name = settings.model or os.environ.get("OPENAI_MODEL", "")
        if not name:
            raise ContractError("--live: name the model with --model or OPENAI_MODEL")
        model = ModelTable(
            name=name,
            base_url=settings.base_url or "",
            provider=settings.provider or "",
            generation_config=settings.generation_config or "",
            record=settings.record or "",
        )
    changes: dict[str, object] = {
        "data_path": ROOT / recipe.data_path,
        "output": settings.output_dir or (LIVE if settings.live else RECORDED),
        "workers": settings.workers,
        "min_free_disk": MIN_FREE_DISK,
        "model": model,
    }
    return recipe.model_copy(update=changes)


def _clear(folder: Path) -> None:
    """Only what a demo of recorded replies has left: nothing that was paid for, nothing of
    another kind. Raises ContractError for all else."""
    from react_agent.files import read_json

    left = [path for path in folder.iterdir() if path.name != NAME]
    if not left:
        return
    state = read_json(folder / STATE) if (folder / STATE).is_file() else {}
    if not state.get("settings", {}).get("model", {}).get("replay"):
        raise ContractError(
            f"{folder}: holds something else than a demo of recorded replies, and a demo begins "
            "with an empty folder; give another --output_dir"
        )
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
