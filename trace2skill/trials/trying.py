"""Rollouts and verdicts of one state of a skill after another, each in a folder of its own.

What was run is found again by the run's own files, so no state is paid for twice; one that was run
with other settings is refused with the difference shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import copy_folder
from react_agent.layout import BUDGET
from react_agent.models.settings import ModelSettings
from react_agent.registry import is_client
from react_agent.runs import session
from react_agent.runs.reproduced import skill_of
from react_agent.runs.settings import CaseChoice, Rollouts
from react_agent.skills import Skill, find_skill, write_skill
from skill_evolver.engine import patch_gate
from skill_evolver.engine.history import explain
from spreadsheetbench.scoring import stage as scoring
from spreadsheetbench.scoring.settings import Scoring
from trace2skill.trials.settings import Trying


@dataclass(frozen=True)
class Trial:
    """A state of the skill, and the tasks that it is tried on."""

    name: str
    files: Mapping[str, str]
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Owed:
    """A start that could not do all; the same command goes on."""

    cases: int
    why: str


class Trials:
    """An evolved skill with its history, and where states of it are tried.

    Raises ContractError for a skill without one.
    """

    def __init__(self, settings: Trying, folder: Path) -> None:
        if settings.agent.skill or settings.agent.skills_dir:
            raise ContractError("--skill, --skills_dir: the skill is the one that is measured")
        self.tried, self.root = settings, folder
        self.skill: Skill = find_skill(skill_of(settings.evolved))
        """Whose other files come along."""
        _, self.provenance, _ = explain(self.skill.root)

    @property
    def tokens_a_case(self) -> float | None:
        """The mean of the trajectories that the lessons came from, where these are still there."""
        runs = self.provenance.runs.values()
        return patch_gate.tokens_a_case(Path(run.trajectory) for run in runs)

    def folder(self, trial: Trial) -> Path:
        return self.root / trial.name

    async def attempt(self, trial: Trial) -> Owed | None:
        """Runs and scores what is not done yet. Raises ContractError as the stages do."""
        folder, given = self.folder(trial), self.tried
        skills = folder / "skills"
        lay_out(self.skill, skills / self.skill.name, trial.files)
        rollouts = Rollouts(
            data_path=given.data_path,
            domain=given.domain,
            output_dir=folder / "outputs",
            log_dir=folder / "logs",
            working_dir=folder / "work",
            agent=replace(given.agent, skills_dir=skills, skill=self.skill.name),
            cases=CaseChoice(instance_ids=trial.tasks, seeds=given.seeds),
            model=self._model(trial),
        )
        done = await session.run(rollouts)
        if done.owed:
            return Owed(done.owed, f"{trial.name}: {done.stopped}")
        await scoring.run(
            Scoring(
                data_path=given.data_path,
                domain=given.domain,
                output_dir=folder / "outputs",
                instance_ids=trial.tasks,
                repeat=len(given.seeds),
            )
        )
        return None

    def _model(self, trial: Trial) -> ModelSettings:
        """All trials count against the same caps; a case that a stop has cut in two pays nothing
        twice, and two trials that ask the same still draw their own replies. A client has none."""
        model, cache = self.tried.model, self.root / "reply_cache" / trial.name
        budget = model.budget.budget or self.root / BUDGET
        uncached = model.replay or is_client(self.tried.agent.harness)
        return replace(
            model,
            budget=replace(model.budget, budget=budget),
            reply_cache=model.reply_cache or (None if uncached else cache),
        )


def lay_out(skill: Skill, folder: Path, files: Mapping[str, str]) -> None:
    copy_folder(skill.root, folder)
    write_skill(folder, files)
