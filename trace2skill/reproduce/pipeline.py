"""The stages of a reproduction as settings, in the folders of the published commands.

A stage is whole when its own files say so, whoever ran it: this program or a user by hand.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from analysis.analysts.settings import Analysis, MemoryBuilding, Repairing, RunAnalysis
from analysis.lessons.settings import LessonKind
from react_agent.files import read_json
from react_agent.layout import (
    ANALYSIS_SUMMARY,
    CHANGE_LOG,
    COMPARISON_JSON,
    COMPARISON_TEXT,
    INTERMEDIATES,
    PARSED,
    REPORT_PAGE,
    STATE,
    analysis_folder,
    seed_name,
)
from react_agent.models.settings import ModelSettings
from react_agent.runs.settings import AgentSettings, CaseChoice, Rollouts, Triage
from reporting.comparing.command import Comparison
from reporting.page.settings import Report
from skill_evolver.engine.settings import Evolution
from spreadsheetbench.scoring.settings import Scoring
from trace2skill.reproduce.asking import memory_settings, model_settings
from trace2skill.reproduce.recipe import Recipe, Role
from trace2skill.reproduce.steps import Entrant, PipelineStep, Stage, field_of, scored

REMINDED = "ReasoningBank"
WITH_SKILL, WITHOUT_SKILL = "cli_skill_preloaded", "cli_only"


class Pipeline:
    """Knows every stage of one reproduction: its folders, its settings, whether it is whole."""

    def __init__(self, recipe: Recipe, ids: dict[str, list[str]]) -> None:
        self.recipe, self.ids, self.root = recipe, ids, recipe.output
        self.teacher = Entrant(
            f"{recipe.start}, training",
            "train",
            self.root / "baseline_run",
            recipe.start,
            recipe.skills_dir,
            recipe.seeds[:1],
        )

    # ---- who takes part ----------------------------------------------------

    def baselines(self) -> list[Entrant]:
        """Held-out split: no skill, and each of the skills that nothing was learned into."""
        recipe = self.recipe
        none = Entrant("no skill", "test", self.root / "cli_only_baseline", seeds=_test(recipe))
        return [none] + [
            Entrant(
                skill,
                "test",
                self.root / f"{skill.replace('-', '_')}_baseline",
                skill,
                recipe.skills_dir,
                _test(recipe),
            )
            for skill in recipe.baselines
        ]

    def reminded(self) -> list[Entrant]:
        """Held-out split: no skill, but notes of the training runs, if the recipe asks for them."""
        folder = self.root / "memory_baseline"
        one = Entrant(REMINDED, "test", folder, seeds=_test(self.recipe), bank=self._bank().bank)
        return [one] if self.recipe.memory else []

    def validations(self) -> list[Entrant]:
        """Training split: the seed skill once more, then the evolved skill of every seed."""
        recipe, folder = self.recipe, self.root / "validation_train"
        first = Entrant(
            f"{recipe.start}, validation",
            "train",
            folder,
            recipe.start,
            recipe.skills_dir,
            recipe.seeds[:1],
            "baseline_",
        )
        return [first] + [
            Entrant(
                f"evolved with seed {seed}",
                "train",
                folder,
                recipe.start,
                self.evolved_skills(seed),
                (seed,),
                f"evolved_{seed_name(seed)}_",
                seed,
            )
            for seed in recipe.seeds
        ]

    def before_lessons(self) -> list[Entrant]:
        """What no lesson has gone into: the same for every recipe with these skills and seeds."""
        return [*self.baselines(), self.teacher, *self.validations()[:1]]

    def champion(self, seed: int) -> Entrant:
        return Entrant(
            f"{self.recipe.start} evolved (seed {seed})",
            "test",
            self.root / f"evolved_run_{seed_name(seed)}",
            self.recipe.start,
            self.evolved_skills(seed),
            _test(self.recipe),
            evolution=seed,
        )

    def evolution(self, seed: int) -> Path:
        parent = self.root / f"skill_evolution_{seed_name(seed)}"
        return parent / f"{self.recipe.lessons}_driven_skill_evolution"

    def evolved_skills(self, seed: int) -> Path:
        return self.evolution(seed) / "skills"

    # ---- steps -------------------------------------------------------------

    def plan(self, chosen: int | None) -> list[PipelineStep]:
        """All steps; before the choice the last one is for the first seed, which costs the same
        as for any other."""
        champion = self.champion(self.recipe.seeds[0] if chosen is None else chosen)
        return [*self.before(), self.roll_out(champion)]

    def before(self) -> list[PipelineStep]:
        """Every step up to the choice of a seed."""
        steps = [self.roll_out(entrant) for entrant in [*self.baselines(), self.teacher]]
        steps.append(self.learn())
        steps += [self.remember()] if self.recipe.memory else []
        steps += map(self.roll_out, self.reminded())
        steps += [self.evolve(seed) for seed in self.recipe.seeds]
        return steps + [self.roll_out(entrant) for entrant in self.validations()]

    def roll_out(self, entrant: Entrant) -> PipelineStep:
        """Rollouts, verdicts and triage of one agent on one split."""
        name = str((entrant.folder / entrant.prefix.rstrip("_")).relative_to(self.root))
        tasks = len(self.ids[entrant.split])
        stages = (
            Stage("run", self._rollouts(entrant, name)),
            Stage("evaluate", self._scoring(entrant)),
            Stage("triage", self._triage(entrant)),
        )
        return PipelineStep(
            name,
            f"{entrant.label}: rollouts, verdicts, triage",
            "rollouts",
            entrant.split,
            stages,
            lambda: scored(entrant, tasks),
            (entrant.outputs,),
            entrant,
            len(entrant.seeds),
            entrant.evolution,
        )

    def _rollouts(self, entrant: Entrant, name: str) -> Rollouts:
        recipe, tasks = self.recipe, self._tasks(entrant.split)
        agent = AgentSettings(
            agent=WITH_SKILL if entrant.skill else WITHOUT_SKILL,
            skill=entrant.skill or None,
            skills_dir=entrant.skills_dir if entrant.skill else None,
            prompts=recipe.prompts,
            harness=recipe.harness,
            command=recipe.command or None,
            skill_offer=recipe.skill_offer,
            agent_packages=recipe.agent_packages,
            agent_python=recipe.agent_python,
            max_turns=recipe.max_turns,
            case_timeout=recipe.case_timeout,
            workers=recipe.workers,
            sandbox=recipe.sandbox,
            longest_first=self._first_on(entrant),
        )
        return Rollouts(
            data_path=recipe.data_path,
            domain=recipe.domain,
            output_dir=entrant.outputs,
            working_dir=entrant.layout.work,
            log_dir=entrant.layout.logs,
            agent=agent,
            cases=CaseChoice(
                start_idx=tasks.start,
                end_idx=tasks.end,
                instance_ids=tasks.ids,
                seeds=entrant.seeds,
            ),
            memory=memory_settings(recipe, entrant.bank),
            model=self._model(Rollouts.model, "agents", name),
        )

    def _scoring(self, entrant: Entrant) -> Scoring:
        tasks = self._tasks(entrant.split)
        return Scoring(
            data_path=self.recipe.data_path,
            domain=self.recipe.domain,
            output_dir=entrant.outputs,
            start_idx=tasks.start,
            end_idx=tasks.end,
            instance_ids=tasks.ids,
            repeat=len(entrant.seeds),
        )

    def _triage(self, entrant: Entrant) -> Triage:
        return Triage(
            eval_results=entrant.verdicts,
            log_dir=entrant.layout.logs,
            repeat=len(entrant.seeds),
            no_details=True,
        )

    def learn(self) -> PipelineStep:
        """The analyses of the training runs."""
        recipe = self.recipe
        about = f"{recipe.lessons} lessons from the trajectories"
        places = tuple(self.teacher.folder / self._analysed_in(kind) for kind in self._kinds())
        stages = tuple(Stage("analyze", settings) for settings in self._analyses())
        return PipelineStep("lessons", about, "lessons", "train", stages, self._learned, places)

    def _analyses(self) -> list[RunAnalysis]:
        """Both in one, unless one of them has a model of its own."""
        recipe, failures = self.recipe, self._analysis("error")
        if recipe.lessons == "error":
            return [failures]
        successes = replace(
            failures, only="success", model=self._model(RunAnalysis.model, "success", "lessons")
        )
        if recipe.lessons == "success":
            return [successes]
        if recipe.model.error or recipe.model.success:
            return [failures, successes]
        config = recipe.model.of("success").generation_config
        return [replace(failures, only="all", success_generation_config=config or None)]

    def _analysis(self, kind: LessonKind) -> RunAnalysis:
        recipe = self.recipe
        return RunAnalysis(
            run_folder=self.teacher.folder,
            domain=recipe.domain,
            only=kind,
            single_call=recipe.analyst == "single call",
            data_path=recipe.data_path,
            repairing=Repairing(
                max_turns=recipe.max_turns,
                case_timeout=recipe.case_timeout,
                workers=recipe.workers,
                sandbox=recipe.sandbox,
                gate=recipe.gate,
            ),
            model=self._model(RunAnalysis.model, kind, "lessons"),
        )

    def remember(self) -> PipelineStep:
        """Notes of the training runs, for the agent that is reminded of them."""
        settings = self._bank()
        parts = settings.stages(self.recipe.data_path)
        return PipelineStep(
            "memory",
            "notes from the trajectories",
            "memory",
            "train",
            (Stage("memory", settings),),
            lambda: settings.bank.is_file() and all(map(_analysed, parts)),
            tuple(part.output_dir for part in parts),
        )

    def _bank(self) -> MemoryBuilding:
        recipe = self.recipe
        return MemoryBuilding(
            run_folder=self.teacher.folder,
            domain=recipe.domain,
            only=recipe.memory.only if recipe.memory else "all",
            data_path=recipe.data_path,
            max_workers=recipe.workers,
            model=self._model(MemoryBuilding.model, "success", "memory"),
        )

    def lessons_learned(self) -> int:
        """Records that evolutions can learn from."""
        files = [self.teacher.folder / f"{self._analysed_in(k)}{PARSED}" for k in self._kinds()]
        return sum(len(read_json(file)) for file in files if file.is_file())

    def evolve(self, seed: int) -> PipelineStep:
        """The evolution with one seed, in a copy of the skills."""
        recipe, folder = self.recipe, self.evolution(seed)
        settings = Evolution(
            skill_dir=folder / "skills" / recipe.start,
            error_json=self._records("error"),
            success_json=self._records("success"),
            data_path=recipe.data_path,
            domain=recipe.domain,
            # The published combined command says nothing of it.
            prompt="skill" if recipe.lessons == "combined" else "generic",
            seed=seed,
            mode=recipe.mode,
            batch_size=recipe.batch_size,
            merge_batch_size=recipe.merge_batch_size,
            max_workers=recipe.workers,
            changelog=folder / CHANGE_LOG,
            save_intermediates=True,
            intermediates_dir=folder / INTERMEDIATES,
            parse_failure_dir=folder / "parse_failures",
            model=self._model(Evolution.model, "evolver", ""),
        )
        return PipelineStep(
            str(folder.relative_to(self.root)),
            f"evolution with seed {seed}",
            "evolution",
            "train",
            (Stage("evolve", settings),),
            lambda: field_of(folder / INTERMEDIATES / STATE, "done") is True,
            (folder,),
            evolution=seed,
        )

    def closing(self, champion: Entrant | None) -> tuple[Stage, ...]:
        """The held-out runs against the skill that evolution started from (the first baseline if
        that was not scored), and the page that shows all runs."""
        start = self.recipe.start
        baselines = [*self.baselines(), *self.reminded()]
        held_out = sorted(baselines, key=lambda entrant: entrant.skill != start)
        entrants = [*held_out, champion] if champion else held_out
        first, *others = [entrant.folder for entrant in entrants]
        comparison = Comparison(
            baseline=first,
            others=tuple(others),
            json=self.root / COMPARISON_JSON,
            markdown=self.root / COMPARISON_TEXT,
        )
        report = Report(
            runs=(self.root,),
            output=self.root / REPORT_PAGE,
            prices=self.recipe.budget.prices,
        )
        page = Stage("report", report)
        return (Stage("compare", comparison), page) if others else (page,)

    def _kinds(self) -> list[LessonKind]:
        lessons = self.recipe.lessons
        return ["error", "success"] if lessons == "combined" else [lessons]

    def _analysed_in(self, kind: LessonKind) -> str:
        single = kind == "error" and self.recipe.analyst == "single call"
        return f"{analysis_folder(kind)}_llm" if single else analysis_folder(kind)

    def _learned(self) -> bool:
        base = self.teacher.folder
        return all(
            (base / f"{self._analysed_in(kind)}{PARSED}").is_file()
            and field_of(base / self._analysed_in(kind) / ANALYSIS_SUMMARY, "owed") == []
            for kind in self._kinds()
        )

    # ---- parts of settings ---------------------------------------------------

    def _records(self, kind: LessonKind) -> Path | None:
        file = self.teacher.folder / f"{self._analysed_in(kind)}{PARSED}"
        return file if kind in self._kinds() else None

    def _tasks(self, split: str) -> "_Tasks":
        chosen = getattr(self.recipe.split, split)
        by_position = isinstance(chosen, tuple) and isinstance(chosen[0], int)
        return _Tasks(*chosen) if by_position else _Tasks(ids=tuple(self.ids[split]))

    def _first_on(self, entrant: Entrant) -> Path | None:
        """The first run on a split tells the others which tasks take long."""
        first = self.teacher if entrant.split == "train" else self.baselines()[0]
        return None if entrant == first else first.outputs

    def _model(self, usual: ModelSettings, role: Role, cache: str) -> ModelSettings:
        return model_settings(self.recipe, usual, role, cache)


@dataclass(frozen=True)
class _Tasks:
    """A split, as stages are told of it."""

    start: int = 0
    end: int | None = None
    ids: tuple[str, ...] = ()


def _analysed(part: Analysis) -> bool:
    owed: object = field_of(part.output_dir / ANALYSIS_SUMMARY, "owed")
    return owed == []


def _test(recipe: Recipe) -> tuple[int, ...]:
    return recipe.held_out_seeds
