"""`trace2skill effect SKILL --data_path ...`: does each lesson of an evolved skill help?"""

import sys
from typing import TYPE_CHECKING

from react_agent.cli import INCOMPLETE, OK, complain
from react_agent.flags import run_stage
from react_agent.text import say
from trace2skill.effect.settings import Effect

if TYPE_CHECKING:
    from skill_evolver.lineage.effects import Effects, LessonEffect
    from trace2skill.effect.trying import Measurement

ABOUT = (
    "Run the evolved skill with all its lessons, and without each one, on the tasks that the "
    "lesson came from (or others), and say of each whether it helps, hurts, or whether that is "
    "undecided. Tasks that taught a lesson flatter it: for an unbiased look give held-out ones "
    "with --instance_ids."
)
EPILOG = (
    "Started again it goes on; what was run is kept. Shown since by `trace2skill lessons`, "
    "the change log and the report, as long as the skill is as it was. Exit codes: 0 measured, "
    "1 cases are owed (a "
    "cap, the endpoint), 2 wrong input, 130 interrupted."
)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Effect, argv, ABOUT, EPILOG)


async def _run(settings: Effect) -> int:
    from react_agent.lock import only_start
    from trace2skill.effect.trying import Measurement
    from trace2skill.trials.trying import Owed

    measurement = Measurement(settings)
    say(plan(measurement))
    if settings.dry_run or not measurement.trials:
        say("Nothing was called.")
        return OK
    with only_start(settings.output_dir):
        found = await measurement.run()
        if isinstance(found, Owed):
            complain(
                f"stopped: {found.cases} cases are owed ({found.why}); start it again to go on"
            )
            return INCOMPLETE
        keep(measurement, found)
    say(table(found))
    return OK


def plan(measurement: "Measurement") -> str:
    """What it takes, before anything is called."""
    whole, trials = measurement.whole, measurement.trials
    seeds = len(measurement.settings.seeds)
    said = (
        f"{len(trials)} lessons: {len(whole.tasks)} tasks with all of them, "
        f"{sum(len(t.tasks) for t in trials.values())} without one each, x {seeds} seed"
        f"{'s' if seeds > 1 else ''} = {measurement.cases} cases"
    )
    each = measurement.tokens_a_case
    more = (
        f", about {each * measurement.cases:,.0f} tokens ({each:,.0f} a case before)"
        if each
        else ""
    )
    return said + more


def keep(measurement: "Measurement", found: "Effects") -> None:
    from react_agent.files import write_json
    from react_agent.layout import CHANGE_LOG
    from skill_evolver.engine.changelog import add_effects
    from skill_evolver.engine.job import home_of
    from skill_evolver.lineage.effects import save_effects

    skill = measurement.skill.root.resolve()
    save_effects(skill, found)
    for folder in (home_of(skill), skill.parents[1]):  # the latter in a reproduction
        if (log := folder / CHANGE_LOG).is_file():
            add_effects(log, found)
    write_json(measurement.settings.output_dir / "effect.json", found.model_dump(mode="json"))


def table(found: "Effects") -> str:
    lines = [f"{'id':<6}{'without':>8}{'with':>8}  {'95 % interval':<18}{'p':>6}  says"]
    lines += [_row(one) for one in found.lessons]
    counts = [sum(one.verdict == word for one in found.lessons) for word in ("helps", "hurts")]
    lines += [
        f"{counts[0]} help, {counts[1]} hurt, of {len(found.lessons)}; undecided means: too few "
        "cases to tell from chance"
    ]
    return "\n".join(lines + (["recorded replies, not a measurement"] if found.recorded else []))


def _row(one: "LessonEffect") -> str:
    if one.without is None or one.whole is None or one.low is None or one.high is None:
        return f"{one.lesson:<6}{'-':>8}{'-':>8}  {'':<18}{'-':>6}  {one.verdict}: {one.note}"
    span = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
    return (
        f"{one.lesson:<6}{one.without:>8.1%}{one.whole:>8.1%}  {span:<18}{one.p:>6.3f}  "
        f"{one.verdict.upper()}: {one.title}"
    )


if __name__ == "__main__":
    sys.exit(main())
