"""Runs the stages of a reproduction in order, chooses the skill, and goes on after a break.

`state.json` holds the settings that decide results and the choice; all else is known from the
stages' own files.
"""

import asyncio
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.bundled import PRICES, ROOT
from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.files import copy_folder, read_json, write_json, write_whole
from react_agent.flags import as_argv
from react_agent.layout import (
    BUDGET,
    COMMANDS,
    STATE,
)
from react_agent.models.spending.prices import Prices
from react_agent.text import say
from skill_evolver.engine.result import NOT_WRITTEN
from trace2skill.reproduce import outcome
from trace2skill.reproduce.changes import changes, moved
from trace2skill.reproduce.first_look import look_at_endpoint
from trace2skill.reproduce.forecast import spent_text
from trace2skill.reproduce.outcome import LoopResult
from trace2skill.reproduce.performing import Performed, begin, last_words, perform, words_to
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import Recipe, contents, split_ids
from trace2skill.reproduce.standings import MARK, Standing, score, table, write_reproduction
from trace2skill.reproduce.steps import Entrant, PipelineStep, Stage

STAGE_WORDS = "stages.log"
"""What the stages say themselves, at length."""


@dataclass
class Stopped(Exception):
    """A stage ended with work still owed."""

    code: int
    where: str
    why: str


class Conductor:
    def __init__(self, pipeline: Pipeline, prices: Prices) -> None:
        self.pipeline, self.prices = pipeline, prices
        self.recipe, self.root = pipeline.recipe, pipeline.root
        self.without_skill: list[int] = []
        self.changed: list[str] = []
        """What differs from the last start, and decides nothing that has begun."""
        self.progress = True
        """Whether the bars of the stages are shown."""
        self.prepare: Callable[[], None] = lambda: None
        """Called before the first stage of a start."""
        self._number = 0

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
        models = [one.name for one in self.recipe.model.by_role.values()]
        unknown = [name for name in models if not self.prices.find(name)]
        if self.recipe.budget.max_cost is not None and unknown:
            raise ContractError(
                f"budget.max_cost: no price is known for {unknown[0]}; add it to {PRICES}, or give "
                "a file of your own as budget.prices"
            )
        if not self.state_file.exists():
            if self.root.is_dir() and any(map(_not_ours, self.root.iterdir())):
                raise ContractError(
                    f"{self.root}: is no reproduction and not empty; give another output"
                )
            return
        state = read_json(self.state_file)
        was = moved(state.get("settings"), state) if isinstance(state, dict) else None
        self.changed = changes(was, self._settings(), self.pipeline)

    def _settings(self) -> dict[str, Any]:
        return {
            **self.recipe.decides(),
            "tasks": self.pipeline.ids,
            "contents": contents(self.recipe),
        }

    async def look(self) -> None:
        """At the endpoint, where there is something left to ask. Raises EndpointDown."""
        left = not all(step.whole() for step in self.pipeline.plan(self.chosen()))
        if left and (doubt := await look_at_endpoint(self.recipe)):
            say(f"warning: {doubt}", file=sys.stderr)

    async def run(self) -> LoopResult:
        """All that is not whole yet."""
        self._note(settings=self._settings(), toolkit=str(ROOT), stopped=None)
        self.prepare()
        write_whole(self.root / COMMANDS, self._as_script())
        for line in self.changed:
            say(f"changed since the last start, before anything rested on it: {line}")
        if self.recipe.recorded:
            say(f"{MARK}.")
        try:
            return await self._stages()
        except Stopped as stopped:
            why = f"{stopped.where}: {stopped.why}" if stopped.why else stopped.where
            text = self._stopped(f"in {stopped.where}", f"in {why}")
            return LoopResult(stopped.code, self.root, text=text, stopped=why)
        except asyncio.CancelledError:
            say(self._stopped("by a signal", "by a signal"))
            raise

    def _note(self, **news: Any) -> None:
        """Into the state; None takes a key out."""
        state = read_json(self.state_file) if self.state_file.exists() else {}
        state |= news
        write_json(self.state_file, {k: v for k, v in state.items() if v is not None})

    def _stopped(self, where: str, noted: str) -> str:
        """What there is to say of it."""
        self._note(stopped=noted)
        spent = spent_text(self.root / BUDGET, self.prices)
        higher = " (or with a higher cap)" if where != noted else ""
        last = f"stopped {where}; start it again{higher} to go on"
        return f"\n{spent}\n{last}" if spent else last

    def _as_script(self) -> str:
        """Every stage as one would type it; only the evolutions need a copy of the skills."""
        lines = ["# The stages of this reproduction, to be run by hand from the same folder."]
        for step in self.pipeline.plan(self.chosen()):
            lines.append(f"\n# {step.about}")
            if step.kind == "evolution":
                copy = self.root / step.name / "skills"
                lines.append(f"mkdir -p {shlex.quote(str(copy))}")
                lines.append(shlex.join(["cp", "-r", f"{self.recipe.skills_dir}/.", str(copy)]))
            lines += [
                shlex.join(["trace2skill", one.name, *as_argv(one.settings)]) for one in step.stages
            ]
        addresses = {one.base_url for one in self.recipe.model.by_role.values()}
        for address, _, query in (one.partition("?") for one in sorted(addresses)):
            if query:  # it may hold a key
                lines = [line.replace(f"{address}?{query}", f"{address}?...") for line in lines]
                lines.insert(1, "# The query of the endpoint's address is left out: put it back.")
        return "\n".join(lines) + "\n"

    def chosen(self) -> int | None:
        state = read_json(self.state_file) if self.state_file.exists() else {}
        seed = state.get("chosen", {}).get("seed")
        return seed if isinstance(seed, int) else None

    async def _stages(self) -> LoopResult:
        for step in self.pipeline.before():
            await self._do(step)
        seed = self._choose()
        champion = None if seed is None else self.pipeline.champion(seed)
        if champion:
            await self._do(self.pipeline.roll_out(champion))
        return await self._conclude(champion)

    async def _do(self, step: PipelineStep) -> None:
        self._number += 1
        say(
            f"[{self._number:>2}/{len(self.pipeline.plan(self.chosen()))}] {step.about:<56}",
            end="",
        )
        if step.whole():
            say(f" kept: {outcome.of_step(step, self.pipeline)}")
            return
        say("\n" * self.progress, end="")
        say(" " * (8 * self.progress) + await self._done(step))

    async def _done(self, step: PipelineStep) -> str:
        """In a few words how it ended. Raises Stopped."""
        if step.kind == "evolution" and self._nothing_learned():
            assert step.evolution is not None
            self.without_skill.append(step.evolution)
        if step.evolution in self.without_skill:
            return " no skill"
        if step.kind == "evolution":
            copy_folder(self.recipe.skills_dir, self.root / step.name / "skills")
        for stage in step.stages:
            done = await self._perform(stage)
            if done.code == NOT_WRITTEN and step.kind == "evolution" and step.evolution is not None:
                self.without_skill.append(step.evolution)
                return " no skill: what was written broke a rule"
            if done.code != OK:
                raise Stopped(done.code, step.about, done.error)
        return f" {outcome.of_step(step, self.pipeline)}" if step.whole() else ""

    def _nothing_learned(self) -> bool:
        return self.pipeline.learn().whole() and not self.pipeline.lessons_learned()

    async def _perform(self, stage: Stage) -> Performed:
        file = self.root / STAGE_WORDS
        with words_to(file, progress=self.progress):
            begin(stage)
            done = await perform(stage)
        if done.code not in (OK, NOT_WRITTEN):
            say("\n" + last_words(file))
        return done

    def _choose(self) -> int | None:
        """The evolved skill that solves most of the training split; the first seed of equals; None
        where no evolution gave one."""
        by_seed = {
            entrant.evolution: score(entrant).solved
            for entrant in self.pipeline.validations()
            if entrant.evolution is not None and entrant.evolution not in self.without_skill
        }
        if not by_seed:
            self._note(chosen=None)
            return None
        best = max(by_seed.values())
        equals = [seed for seed, solved in by_seed.items() if solved == best]
        validation = {str(seed): solved for seed, solved in by_seed.items()}
        self._note(chosen={"seed": equals[0], "solved_on_training_split": validation})
        write_whole(self.root / COMMANDS, self._as_script())
        tie = f" (equal: {', '.join(map(str, equals))}; the first is taken)" * (len(equals) > 1)
        say(f"        chosen by training score: seed {equals[0]}{tie}")
        return equals[0]

    async def _conclude(self, champion: Entrant | None) -> LoopResult:
        pipeline = self.pipeline
        everybody = [
            *pipeline.baselines(),
            *pipeline.reminded(),
            pipeline.teacher,
            *pipeline.validations(),
        ]
        entrants = [*everybody, champion] if champion else everybody
        standings: list[Standing] = [score(e) for e in entrants if e.verdicts.is_file()]
        write_reproduction(pipeline, standings, read_json(self.state_file), self.prices)
        for stage in pipeline.closing(champion):
            await self._perform(stage)
        seed = champion.evolution if champion else None
        why = "" if champion else outcome.no_skill_because(pipeline, self.without_skill)
        parts = [
            "\n" + table(standings, self.prices, self.recipe.model.name),
            spent_text(self.root / BUDGET, self.prices),
            f"{MARK}." if self.recipe.recorded else "",
            "\n" + outcome.sentence(pipeline, seed, why),
            "\n" + outcome.look_next(pipeline, seed),
        ]
        return LoopResult(
            OK if champion else NOT_WRITTEN,
            self.root,
            tuple(standings),
            None if seed is None else pipeline.evolved_skills(seed) / self.recipe.start,
            outcome.compared(self.root),
            "\n".join(filter(None, parts)),
        )


def _not_ours(path: Path) -> bool:
    """Whether it can be there before anything was noted: a lock, a file half written, a budget."""
    return not path.name.startswith(".") and path.name != BUDGET
