"""`trace2skill select SKILL --data_path ...`: which of the lessons belong into the skill?"""

import sys
from typing import TYPE_CHECKING

from react_agent.cli import INCOMPLETE, OK, complain
from react_agent.flags import run_stage
from react_agent.text import say
from trace2skill.selecting.settings import PatchSelection

if TYPE_CHECKING:
    from trace2skill.selecting.outcome import Candidate, Difference, PatchesSelected
    from trace2skill.selecting.stage import Selecting

ABOUT = (
    "Try subsets of an evolution's lessons, each as a skill of its own, on tasks of the training "
    "split, and keep the best. The evolved skill is left as it is; the chosen one goes to "
    "<output_dir>/skills, with a history of its own."
)
EPILOG = (
    "Started again it goes on; a subset that was tried is not paid for twice. Exit codes: 0 done, "
    "1 cases are owed (a cap, the endpoint), 2 wrong input, 130 interrupted."
)
SHOWN = 10
"""Candidates in the table; selection.json has all."""


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, PatchSelection, argv, ABOUT, EPILOG)


async def _run(settings: PatchSelection) -> int:
    from react_agent.lock import only_start
    from trace2skill.selecting.stage import Selecting
    from trace2skill.trials.trying import Owed

    selecting = Selecting(settings)
    say(plan(selecting))
    if settings.dry_run:
        say("Nothing was called.")
        return OK
    with only_start(settings.output_dir):
        found = await selecting.run()
    if isinstance(found, Owed):
        complain(f"stopped: {found.cases} cases are owed ({found.why}); start it again to go on")
        return INCOMPLETE
    say(text(found))
    return OK


def plan(selecting: "Selecting") -> str:
    """What it takes at the most, before anything is called."""
    from react_agent.models.spending.prices import Prices

    model, each = selecting.settings.model, selecting.tokens_a_case
    lines = [
        f"{len(selecting.lessons)} of {len(selecting.all)} lessons, by support: "
        + ", ".join(f"{one.id} ({one.support})" for one in selecting.lessons),
        f"at most {selecting.most} skills, {len(selecting.tasks)} tasks, "
        f"{len(selecting.settings.seeds)} seeds: {selecting.cases:,} cases",
    ]
    if not each:
        return "\n".join([*lines, "tokens not known: the trajectories it was learnt from are gone"])
    tokens = each * selecting.cases
    price = Prices.load(model.budget.prices).find(model.model or "")
    cost = f", about ${tokens * price.prompt / 1e6:,.2f} as prompt tokens" if price else ""
    lines.append(f"about {tokens:,.0f} tokens ({each:,.0f} a case before){cost}")
    return "\n".join(lines)


def text(found: "PatchesSelected") -> str:
    run = sorted(
        (one for one in found.candidates if one.accuracy is not None),
        key=lambda one: -(one.accuracy or 0),
    )
    lines = ["accuracy  lessons", *(_row(one, found) for one in run[:SHOWN])]
    if len(run) > SHOWN:
        lines.append(f"{'':10}and {len(run) - SHOWN} others")
    lines += [
        f"not run: {', '.join(one.lessons)}: {one.unfit}" for one in found.candidates if one.unfit
    ]
    lines += ["", f"{len(run)} skills tried; {found.ended}."]
    if found.against_merged is None:
        lines.append("None was better than the merged skill, which is kept.")
    else:
        lines.append(f"Against the merged skill: {_said(found.against_merged)}.")
    if found.against_start:
        lines.append(f"Against the start skill: {_said(found.against_start)}.")
    if found.expected is not None:
        lines.append(
            "Chosen by some of the tasks and measured on the others, the choice gains "
            f"{100 * found.expected:+.1f} points over the merged skill."
        )
    lines += [f"Warning: {found.warning}.", f"skill  {found.skill}", f"next   {found.next}"]
    return "\n".join(lines + (["recorded replies, not a measurement"] if found.recorded else []))


def _row(one: "Candidate", found: "PatchesSelected") -> str:
    names = {found.merged: "all (merged)", found.start: "none (start)"}
    what = names.get(one.name) or ", ".join(one.lessons)
    mark = "  <- chosen" if one.name == found.chosen else ""
    return f"{one.accuracy or 0:>8.1%}  {what}{mark}"


def _said(one: "Difference") -> str:
    gain, low, high = (100 * value for value in (one.after - one.before, one.low, one.high))
    return (
        f"{one.before:.1%} -> {one.after:.1%}, {gain:+.1f} points, 95 % interval {low:+.1f} to "
        f"{high:+.1f}, p {one.p:.3f}, {one.verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
