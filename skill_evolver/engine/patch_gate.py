"""The patch gate: each proposed patch is tried on its own source tasks before it may be merged.

The skill with the patch alone works on them once. What does not solve them is dropped; a patch that
cannot be tried (no such task, no edit that code can place) goes on, and is recorded as untried.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from react_agent.errors import ContractError
from react_agent.files import copy_folder
from react_agent.layout import BUDGET
from react_agent.model import Usage
from react_agent.registry import DOMAINS, find
from react_agent.runs import session
from react_agent.runs.logs import read_log
from react_agent.runs.settings import AgentSettings, CaseChoice, Rollouts
from react_agent.skills import write_skill
from skill_evolver.engine.history import PatchTrial, TrialVerdict, files_digest
from skill_evolver.engine.inputs import LessonEntry
from skill_evolver.engine.job import Job
from skill_evolver.engine.map_reduce import Unfinished
from skill_evolver.engine.tree import groups
from skill_evolver.patches.build import without_broken_pairs
from skill_evolver.patches.patch import ExactEdit, Patch
from spreadsheetbench.scoring import stage as scoring
from spreadsheetbench.scoring.settings import Scoring


@dataclass
class PatchGate:
    job: Job
    trials: list[PatchTrial] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = self.job.settings
        if settings.data_path is None:
            raise ContractError("--gate patch needs --data-path: the tasks to try patches on")
        domain = find(DOMAINS, "--domain", settings.domain)(settings.data_path)
        self.data_path, self.known = settings.data_path, {task.id for task in domain.tasks}
        self.slots = asyncio.Semaphore(settings.max_workers)

    async def refuses(self, number: int, patch: Patch, batch: Sequence[LessonEntry]) -> str:
        """Why the patch may not be merged; empty where it may. Raises Unfinished where its tasks
        are owed."""
        tasks = self.tasks(batch)
        files = self._with(patch)
        solved: int | None = None
        why = "" if tasks else "its tasks are not in the data set"
        if tasks and not files:
            why = "code finds no place for its edits"
        elif tasks:
            async with self.slots:
                solved = await self._solved(number, files, tasks)
        verdict: TrialVerdict = "could not be tried"
        if solved is not None:
            verdict = "helped" if solved == len(tasks) else "did not help"
            why = f"{solved} of {len(tasks)} solved"
        trial = PatchTrial(
            patch=number,
            tasks=tasks,
            verdict=verdict,
            edits=tuple(edit.id for edit in patch.edits),
            why=why,
        )
        self.trials = sorted([*self.trials, trial], key=lambda one: one.patch)
        return str(trial) if verdict == "did not help" else ""

    def tasks(self, batch: Iterable[LessonEntry]) -> tuple[str, ...]:
        named = (run.task for entry in batch for run in entry.runs)
        return tuple(dict.fromkeys(task for task in named if task in self.known))

    def _with(self, patch: Patch) -> Mapping[str, str]:
        """The skill with this patch alone; empty where nothing of it can be carried out."""
        exact = [edit for edit in patch.edits if isinstance(edit, ExactEdit)]
        before = self.job.skill.files
        _, _, built = without_broken_pairs(before, exact, self.job.engine.max_skill_lines)
        return built.files if built.files != dict(before) else {}

    async def _solved(self, number: int, files: Mapping[str, str], tasks: Sequence[str]) -> int:
        """How many of the tasks; a start that was cut off is gone on with."""
        skill, settings, places = self.job.skill, self.job.settings, self.job.places
        name = f"patch_{number:04}_{files_digest(files)[:12]}"
        folder = (places.intermediates / "patch_gate" / name).resolve()
        variant = folder / "skills" / skill.name
        copy_folder(skill.root, variant)
        write_skill(variant, files)
        budget = settings.model.budget.budget or places.budget / BUDGET
        cache = settings.model.reply_cache or (
            None if settings.model.replay else folder / "reply_cache"
        )
        model = replace(
            settings.model,
            budget=replace(settings.model.budget, budget=budget),
            reply_cache=cache,
        )
        turns = settings.gate_turns
        done = await session.run(
            Rollouts(
                data_path=self.data_path,
                domain=settings.domain,
                output_dir=folder / "outputs",
                log_dir=folder / "logs",
                working_dir=folder / "work",
                agent=AgentSettings(
                    skills_dir=folder / "skills", skill=skill.name, max_turns=turns
                ),
                cases=CaseChoice(
                    instance_ids=tuple(tasks),
                    seeds=() if settings.seed is None else (settings.seed,),
                ),
                model=model,
            )
        )
        if done.owed:
            raise Unfinished(
                f"{done.owed} cases of the patch gate are owed ({done.stopped}); run the same "
                "command again to go on"
            )
        scored = await scoring.run(
            Scoring(
                data_path=self.data_path,
                domain=settings.domain,
                output_dir=folder / "outputs",
                instance_ids=tuple(tasks),
            )
        )
        found = scored.evaluations[folder / "outputs"]
        return sum(verdict.success for verdict in found.results)


def gate_plan(job: Job) -> str:
    """What the gate may take, before anything is called."""
    gate = PatchGate(job)
    batches = groups(job.entries, job.engine.batch_size)
    cases = sum(len(gate.tasks(batch)) for batch in batches)
    runs = {run.trajectory for entry in job.entries for run in entry.runs if run.trajectory}
    each = tokens_a_case(map(Path, runs))
    more = f", about {each * cases:,.0f} tokens ({each:,.0f} a case before)" if each else ""
    return (
        f"patch gate: up to {len(batches)} patches on {cases} tasks, each up to "
        f"{job.settings.gate_turns} calls{more}"
    )


def tokens_a_case(trajectories: Iterable[Path]) -> float | None:
    """The mean of those that are still there."""
    known = [count for count in map(_tokens, trajectories) if count]
    return fmean(known) if known else None


def _tokens(log_file: Path) -> int:
    try:
        used = Usage.model_validate(read_log(log_file).result.get("usage"))
        return used.tokens
    except (ContractError, ValueError):
        return 0
