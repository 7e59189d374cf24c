"""A whole reproduction from one file: baselines, lessons, evolutions, validation, comparison.

trace2skill reproduce reproduce.example.toml
"""

import sys
from typing import TYPE_CHECKING

from react_agent.cli import BAD_INPUT, OK
from react_agent.flags import run_stage
from react_agent.text import say
from trace2skill.reproduce.settings import Reproduction

if TYPE_CHECKING:
    from trace2skill.reproduce.conduct import Conductor

ABOUT = (
    "Reproduce the paper's comparison from one TOML file: baselines on the held-out split, "
    "trajectories, verdicts and lessons on the training split, one evolution for each seed, "
    "their validation on the training split, and the best of them on the held-out split."
)

EPILOG = """Every stage is one of the published commands and leaves the same files in the same
folders, so that any of them can also be run by hand: commands.sh in the output lists them. Started
again it goes on where it stopped. Exit codes: 0 done, 1 work is still owed (a cap was reached, or
the endpoint failed), 2 wrong input, 3 no evolution gave a skill, 130 interrupted."""


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Reproduction, argv, ABOUT, EPILOG)


async def _run(settings: Reproduction) -> int:
    from trace2skill.reproduce.conduct import Conductor
    from trace2skill.reproduce.recipe import recipe_of

    recipe = recipe_of(settings)
    if settings.experiment:
        from trace2skill.reproduce.arms import run_arms

        return await run_arms(
            settings.experiment, recipe, start, yes=settings.yes, dry_run=settings.dry_run
        )
    conductor = Conductor.of(recipe)
    return await start(conductor, yes=settings.yes, dry_run=settings.dry_run)


async def start(conductor: "Conductor", *, yes: bool, dry_run: bool = False) -> int:
    """The plan, a look at the endpoint, the question, and all the rest; the exit code."""
    from react_agent.lock import only_start
    from trace2skill.reproduce.forecast import plan_of

    conductor.check()
    steps = conductor.pipeline.plan(conductor.chosen())
    say(plan_of(conductor.pipeline, steps, conductor.prices))
    if dry_run:
        say("Nothing was called.")
        return OK
    await conductor.look()
    if not all(step.whole() for step in steps) and not yes and sys.stdin.isatty() and not _agreed():
        return BAD_INPUT
    with only_start(conductor.root):
        return await finish(conductor)


async def finish(conductor: "Conductor") -> int:
    """All the rest, and the last words; the exit code."""
    done = await conductor.run()
    if done.text:
        say(done.text)
    return done.code


def _agreed() -> bool:
    return input("Start? [y/N] ").strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
