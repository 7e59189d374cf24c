"""A named experiment: a reproduction for each arm, what they have in common run once."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.layout import BUDGET
from react_agent.text import say
from reporting.comparing.command import Comparison, compare_runs
from reporting.comparing.comparison_text import percent, points
from reporting.comparing.tables import Table
from reporting.ledger.paper import load_rows
from skill_evolver.engine.result import NOT_WRITTEN
from trace2skill.reproduce.conduct import Conductor
from trace2skill.reproduce.experiments import Arm, Experiment, find_experiment
from trace2skill.reproduce.recipe import Recipe

SHARED = "shared"


class Arms:
    """Raises ContractError for an unknown experiment, and for a recipe that does not hold."""

    def __init__(self, name: str, recipe: Recipe) -> None:
        self.experiment: Experiment = find_experiment(name)
        self.root = recipe.output / name
        self.conductors = [(arm, self._conductor(arm, recipe)) for arm in self.experiment.arms]

    def _conductor(self, arm: Arm, recipe: Recipe) -> Conductor:
        changes = {**arm.changes, "output": self.root / arm.folder, "memory": None}
        conductor = Conductor.of(Recipe.model_validate({**recipe.model_dump(), **changes}))
        conductor.prepare = lambda: share(conductor, self.root / SHARED)
        return conductor

    def table(self) -> str:
        """Ours, each arm against the first; below it the paper's, of its own models."""
        evolved = {}
        for arm, conductor in self.conductors:
            if (seed := conductor.chosen()) is not None:
                evolved[arm.label] = conductor.pipeline.champion(seed).folder
        return "\n".join([self.experiment.about, *_ours(evolved, self.experiment), *self._papers()])

    def _papers(self) -> list[str]:
        rows = tuple(
            (row.version, row.row, row.user or "mean", f"{row.value:.2f}")
            for row in load_rows()
            if row.table == self.experiment.table and row.benchmark == "Vrf"
        )
        heads = ("version", f"the paper's {self.experiment.table}", "user", "Vrf")
        return ["", *Table(heads, rows).lines()]


def _ours(evolved: dict[str, Path], experiment: Experiment) -> list[str]:
    first, *others = evolved or [""]
    pairs, standings = [], {}
    if others:
        found = compare_runs(
            Comparison(baseline=evolved[first], others=tuple(evolved[x] for x in others))
        )
        pairs = list(found.pairs)
        standings = dict(zip(evolved, found.standings, strict=True))
    against = dict(zip(others, pairs, strict=True))
    rows = []
    for arm in experiment.arms:
        standing, pair = standings.get(arm.label), against.get(arm.label)
        rows.append(
            (
                arm.label,
                percent(standing.accuracy) if standing else "-",
                points(pair.difference) if pair else "-",
                pair.verdict if pair else "no skill" if arm.label not in evolved else "-",
            )
        )
    heads = ("arm", "held out, %", f"against {first}", "verdict")
    mark = ["recorded replies, not a measurement"] if any(p.recorded for p in pairs) else []
    return ["", *Table(heads, tuple(rows)).lines(), *mark]


def share(conductor: Conductor, shared: Path) -> None:
    """Put links in the arm's folder to where runs lie that no lesson has gone into, and to what
    all arms have spent."""
    root, start = conductor.root, conductor.recipe.start
    budget = shared / BUDGET
    shared.mkdir(parents=True, exist_ok=True)
    budget.touch()
    _link(root / BUDGET, budget)
    pipeline = conductor.pipeline
    for entrant in pipeline.before_lessons():
        for folder in (entrant.outputs, entrant.layout.logs, entrant.layout.work):
            own = shared / ("" if entrant.split == "test" else start) / folder.relative_to(root)
            own.mkdir(parents=True, exist_ok=True)
            _link(folder, own)


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        return
    if place.exists():
        raise ContractError(f"{place}: is in the way of what the arms share")
    place.symlink_to(os.path.relpath(target.resolve(), place.parent.resolve()))


async def run_arms(
    name: str, recipe: Recipe, start: Callable[..., Awaitable[int]], *, yes: bool, dry_run: bool
) -> int:
    """Each arm by `start`, from its plan to its end; the exit code. Started again it goes on."""
    arms = Arms(name, recipe)
    for arm, conductor in arms.conductors:
        say(f"\n== {arm.label}: {conductor.root}")
        code = await start(conductor, yes=yes, dry_run=dry_run)
        if code not in (OK, NOT_WRITTEN):
            return code
        yes = True  # asked once, for the first of them
    if dry_run:
        say("Runs that arms have in common stand in each plan and are paid once.")
    else:
        say("\n" + arms.table())
    return OK
