"""`trace2skill evolve --config FILE`: a skill learns from a file of its user's own tasks."""

import sys

from react_agent.flags import run_stage
from trace2skill.reproduce.command import EPILOG, start
from trace2skill.reproduce.conduct import Conductor
from trace2skill.reproduce.own_tasks import OwnTasksRecipe
from trace2skill.reproduce.recipe import capped
from trace2skill.reproduce.settings import Batch

ABOUT = (
    "Improve a skill from a file of your own tasks: its runs on some of them are judged and give "
    "lessons, the evolved skill is compared with it on the others. The skill itself is not "
    "changed; the last lines say where the evolved one lies."
)


async def _run(settings: Batch) -> int:
    here = settings.config.resolve().parent
    recipe = OwnTasksRecipe.load(settings.config).recipe(here)
    conductor = Conductor.of(capped(recipe, settings))
    return await start(conductor, yes=settings.yes, dry_run=settings.dry_run)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Batch, argv, ABOUT, EPILOG)


if __name__ == "__main__":
    sys.exit(main())
