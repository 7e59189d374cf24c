"""Runs the stages of a reproduction in order, chooses the skill, and goes on after a break.

`state.json` holds the settings that decide results and the choice; all else is known from the
stages' own files.
"""

import asyncio
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

from react_agent.bundled import PRICES
from react_agent.cli import OK
from react_agent.configfile import differences
from react_agent.errors import ContractError
from react_agent.files import read_json, write_json, write_whole
from react_agent.flags import as_argv
from react_agent.layout import (
    BUDGET,
    COMMANDS,
    STATE,
)
from react_agent.models.spending.prices import Prices
from react_agent.text import say
from skill_evolver.engine.result import NOT_WRITTEN
from trace2skill.reproduce.forecast import spent_text
from trace2skill.reproduce.performing import perform
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import Recipe, contents, split_ids
from trace2skill.reproduce.standings import MARK, Standing, score, table, write_reproduction
from trace2skill.reproduce.steps import Entrant, PipelineStep

TITLES = ("held-out comparison", "report")


class Stopped(Exception):
    """A stage ended with work still owed; carries its exit code."""


class Conductor:
    def __init__(self, pipeline: Pipeline, prices: Prices) -> None:
        self.pipeline, self.prices = pipeline, prices
        self.recipe, self.root = pipeline.recipe, pipeline.root
        self.without_skill: list[int] = []
        self.closing = ""
        """The closing table, once there is one."""

    @classmethod
    def of(cls, recipe: Recipe) -> "Conductor":
        """Raises ContractError for splits, data or prices that are not there."""
        return cls(Pipeline(recipe, split_ids(recipe)), Prices.load(recipe.budget.prices))

    @property
    def state_file(self) -> Path:
        return self.root / STATE

    def check(self) -> None:
        """Raises ContractError when what lies in the folder is another reproduction, or when a
        cap in dollars cannot be kept."""
        model = self.recipe.model.name
        if self.recipe.budget.max_cost is not None and not self.prices.find(model):
            raise ContractError(
                f"budget.max_cost: no price is known for {model}; add it to {PRICES}, or give a "
                "file of your own as budget.prices"
            )
        decides = self._settings()
        if not self.state_file.exists():
            if self.root.is_dir() and any(map(_not_ours, self.root.iterdir())):
                raise ContractError(
                    f"{self.root}: is no reproduction and not empty; give another output"
                )
            return
        state = read_json(self.state_file)
        was = state.get("settings") if isinstance(state, dict) else None
        if changes := differences(was, decides):
            raise ContractError(
                f"{self.root} holds a reproduction with other settings; give another output:\n"
                + "\n".join(f"  {line}" for line in changes)
            )

    def _settings(self) -> dict[str, Any]:
        return {
            **self.recipe.decides(),
            "tasks": self.pipeline.ids,
            "contents": contents(self.recipe),
        }

    def plan(self) -> list[PipelineStep]:
        """Every step that can be known before the choice, and the last one for the first seed,
        which costs the same as for any other."""
        chosen = self.chosen() or self.recipe.seeds[0]
        return [*self._before(), self.pipeline.roll_out(self.pipeline.champion(chosen))]

    async def run(self) -> int:
        """All that is not whole yet; the exit code."""
        if not self.state_file.exists():
            write_json(self.state_file, {"settings": self._settings()})
        write_whole(self.root / COMMANDS, self._as_script())
        if self.recipe.recorded:
            say(f"\n{MARK}.")
        try:
            await self._stages()
        except Stopped as reason:
            self._say_stopped(f"in {reason.args[1]}")
            return int(reason.args[0])
        except asyncio.CancelledError:
            self._say_stopped("by a signal")
            raise
        return OK

    def _say_stopped(self, where: str) -> None:
        if spent := spent_text(self.root / BUDGET, self.prices):
            say(f"\n{spent}")
        say(f"stopped {where}; start it again (or with a higher cap) to go on")

    def _as_script(self) -> str:
        """Every stage as one would type it; only the evolutions need a copy of the skills."""
        lines = ["# The stages of this reproduction, to be run by hand from the same folder."]
        for step in self.plan():
            lines.append(f"\n# {step.about}")
            if step.kind == "evolution":
                copy = self.root / step.name / "skills"
                lines.append(f"mkdir -p {shlex.quote(str(copy))}")
                lines.append(shlex.join(["cp", "-r", f"{self.recipe.skills_dir}/.", str(copy)]))
            lines += [
                shlex.join(["trace2skill", one.name, *as_argv(one.settings)]) for one in step.stages
            ]
        address, _, query = self.recipe.model.base_url.partition("?")
        if query:  # it may hold a key
            lines = [line.replace(f"{address}?{query}", f"{address}?...") for line in lines]
            lines.insert(1, "# The query of the endpoint's address is left out: put it back.")
        return "\n".join(lines) + "\n"

    def chosen(self) -> int | None:
        state = read_json(self.state_file) if self.state_file.exists() else {}
        seed = state.get("chosen", {}).get("seed")
        return seed if isinstance(seed, int) else None

    async def _stages(self) -> None:
        for step in self._before():
            await self._do(step)
        seed = self._choose()
        champion = self.pipeline.champion(seed)
        await self._do(self.pipeline.roll_out(champion))
        await self._conclude(champion)

    def _before(self) -> list[PipelineStep]:
        pipeline = self.pipeline
        entrants = [*pipeline.baselines(), pipeline.teacher]
        steps = [pipeline.roll_out(entrant) for entrant in entrants]
        steps.append(pipeline.learn())
        steps += [pipeline.evolve(seed) for seed in self.recipe.seeds]
        return steps + [pipeline.roll_out(entrant) for entrant in pipeline.validations()]

    async def _do(self, step: PipelineStep) -> None:
        if step.evolution in self.without_skill:
            return
        if step.whole():
            say(f"\n== {step.about}: whole, kept")
            return
        say(f"\n== {step.about}")
        if step.kind == "evolution":
            self._lay_out(step)
        for stage in step.stages:
            code = await perform(stage)
            if code == NOT_WRITTEN and step.kind == "evolution" and step.evolution is not None:
                self.without_skill.append(step.evolution)
                return
            if code != OK:
                raise Stopped(code, step.about)

    def _lay_out(self, step: PipelineStep) -> None:
        """The copy of the skills that is evolved: whole or not there, whenever this is killed."""
        target = self.root / step.name / "skills"
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        for torn in target.parent.glob(".skills.*"):
            shutil.rmtree(torn)
        with tempfile.TemporaryDirectory(prefix=".skills.", dir=target.parent) as folder:
            copy = shutil.copytree(self.recipe.skills_dir, Path(folder) / "skills")
            copy.rename(target)

    def _choose(self) -> int:
        """The evolved skill that solves most of the training split; the first seed of equals."""
        by_seed = {
            entrant.evolution: score(entrant)
            for entrant in self.pipeline.validations()
            if entrant.evolution is not None and entrant.evolution not in self.without_skill
        }
        if not by_seed:
            raise ContractError(f"{self.root}: no evolution has given a skill that keeps the rules")
        best = max(standing.solved for standing in by_seed.values())
        equals = [seed for seed, standing in by_seed.items() if standing.solved == best]
        seed = equals[0]
        state = read_json(self.state_file)
        validation = {str(s): standing.solved for s, standing in by_seed.items()}
        state["chosen"] = {"seed": seed, "solved_on_training_split": validation}
        write_json(self.state_file, state)
        write_whole(self.root / COMMANDS, self._as_script())
        tie = f"; equal: {', '.join(map(str, equals))}, the first is taken" * (len(equals) > 1)
        say(f"\n== chosen by training score: seed {seed} with {best} solved{tie}")
        return seed

    async def _conclude(self, champion: Entrant) -> None:
        pipeline = self.pipeline
        entrants = [*pipeline.baselines(), pipeline.teacher, *pipeline.validations(), champion]
        standings: list[Standing] = [score(e) for e in entrants if e.verdicts.is_file()]
        file = write_reproduction(pipeline, standings, read_json(self.state_file), self.prices)
        for title, stage in zip(TITLES, pipeline.closing(champion), strict=True):
            say(f"\n== {title}")
            await perform(stage)
        spent = spent_text(self.root / BUDGET, self.prices)
        mark = f"{MARK}." if self.recipe.recorded else ""
        rows = table(standings, self.prices, self.recipe.model.name)
        self.closing = "\n".join(filter(None, ("== results", rows, spent, mark, f"see {file}")))
        say(f"\n{self.closing}")


def _not_ours(path: Path) -> bool:
    """Whether it can be there before anything was noted: a lock, a file half written, a budget."""
    return not path.name.startswith(".") and path.name != BUDGET
