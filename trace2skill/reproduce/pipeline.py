"""The stages of a reproduction as commands, in the folders of the published ones.

A stage is whole when its own files say so, whoever ran it: this program or a user by hand.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.layout import (
    ANALYSIS_SUMMARY,
    BUDGET,
    CHANGE_LOG,
    INTERMEDIATES,
    PARSED,
    RESULTS,
    STATE,
    RunLayout,
    analysis_folder,
    seed_name,
)
from react_agent.seams import NOT_THE_AGENT, REFUSED
from trace2skill.reproduce.recipe import Recipe


@dataclass(frozen=True)
class Command:
    """One call of a stage's `main(argv)`."""

    stage: str
    """As `trace2skill STAGE` names it."""
    argv: tuple[str, ...]


@dataclass(frozen=True)
class PipelineStep:
    """Commands that together leave one result."""

    name: str
    about: str
    kind: str
    """rollouts, lessons or evolution: what its calls are like."""
    split: str
    commands: tuple[Command, ...]
    whole: Callable[[], bool]
    runs: int = 1
    """Cases for each task of the split."""
    evolution: int | None = None
    """Seed of the evolution that it is, or whose skill it tries."""


@dataclass(frozen=True)
class Entrant:
    """One agent on one split: a row of the closing table."""

    label: str
    split: str
    folder: Path
    skill: str = ""
    skills_dir: Path = Path()
    seeds: tuple[int, ...] = ()
    prefix: str = ""
    """Of the folders outputs, logs and work, where several runs share `folder`."""
    evolution: int | None = None
    """Seed of the evolution that its skill comes from."""

    @property
    def layout(self) -> RunLayout:
        return RunLayout.below(self.folder, self.prefix)

    @property
    def outputs(self) -> Path:
        return self.layout.outputs

    @property
    def verdicts(self) -> Path:
        return self.layout.verdicts

    def seed_folders(self) -> list[Path]:
        if len(self.seeds) == 1:
            return [self.outputs]
        return [self.outputs / seed_name(seed) for seed in self.seeds]


class Pipeline:
    """Knows every stage of one reproduction: its folders, its flags, and whether it is whole."""

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

    def roll_out(self, entrant: Entrant) -> PipelineStep:
        recipe = self.recipe
        name = str((entrant.folder / entrant.prefix.rstrip("_")).relative_to(self.root))
        seeds = ",".join(map(str, entrant.seeds))
        repeat = ["--repeat", str(len(entrant.seeds))] if len(entrant.seeds) > 1 else []
        data = ["--data_path", str(recipe.data_path), *self._tasks(entrant.split)]
        outputs = ["--output_dir", str(entrant.outputs)]
        agent = ["--agent", "cli_only"]
        if entrant.skill:
            agent = ["--agent", "cli_skill_preloaded", "--skill", entrant.skill]
            agent += ["--skills_dir", str(entrant.skills_dir)]
        agent += ["--prompts", str(recipe.prompts)] if recipe.prompts else []
        if recipe.agent_packages:
            agent += ["--agent_packages", ",".join(recipe.agent_packages)]
        agent += ["--agent_python", str(recipe.agent_python)] if recipe.agent_python else []
        logs, work = entrant.layout.logs, entrant.layout.work
        rollouts = [*data, *outputs, *agent, *self._agents(), "--seeds", seeds]
        rollouts += self._order(entrant)
        rollouts += ["--log_dir", str(logs), "--log_format", "markdown"]
        rollouts += ["--working_dir", str(work), *self._model(name, recipe.model.generation_config)]
        triage = ["--eval_results", str(entrant.verdicts), "--log_dir", str(logs)]
        commands = (
            Command("run", tuple(rollouts)),
            Command("evaluate", (*data, *outputs, *repeat)),
            Command("triage", (*triage, *repeat, "--no_details")),
        )
        about = f"{entrant.label}: rollouts, verdicts, triage"
        tasks = len(self.ids[entrant.split])
        return PipelineStep(
            name,
            about,
            "rollouts",
            entrant.split,
            commands,
            lambda: _scored(entrant, tasks),
            len(entrant.seeds),
            entrant.evolution,
        )

    def learn(self) -> PipelineStep:
        recipe, base = self.recipe, self.teacher.folder
        only = "all" if recipe.lessons == "combined" else recipe.lessons
        thinking = recipe.model.thinking_config or recipe.model.generation_config
        flags = [str(base), "--only", only, "--data_path", str(recipe.data_path), *self._agents()]
        flags += ["--gate", recipe.gate, *self._model("lessons", recipe.model.generation_config)]
        if thinking:
            flags += ["--success_generation_config", thinking]
        commands = (Command("analyze", tuple(flags)),)
        about = f"{recipe.lessons} lessons from the trajectories"
        return PipelineStep("lessons", about, "lessons", "train", commands, self._learned)

    def evolve(self, seed: int) -> PipelineStep:
        recipe, folder, base = self.recipe, self.evolution(seed), self.teacher.folder
        thinking = recipe.model.thinking_config or recipe.model.generation_config
        flags = []
        for kind in self._kinds():
            flags += [f"--{kind}-json", str(base / f"{analysis_folder(kind)}{PARSED}")]
        flags += ["--skill-dir", str(folder / "skills" / recipe.start)]
        if recipe.lessons != "combined":  # the published combined command has no such flag
            flags += ["--prompt", "generic"]
        flags += ["--data-path", str(recipe.data_path), "--batch-size", "1", "--seed", str(seed)]
        flags += ["--merge-batch-size", str(recipe.merge_batch_size), "--patch-pipeline", "json"]
        flags += ["--changelog", str(folder / CHANGE_LOG), "--save-intermediates"]
        flags += ["--intermediates-dir", str(folder / INTERMEDIATES)]
        flags += ["--parse-failure-dir", str(folder / "parse_failures")]
        flags += ["--max-workers", str(recipe.workers)]
        flags += self._model("", thinking, token_cap="--max-total-tokens")
        return PipelineStep(
            str(folder.relative_to(self.root)),
            f"evolution with seed {seed}",
            "evolution",
            "train",
            (Command("evolve", tuple(flags)),),
            lambda: _field(folder / INTERMEDIATES / STATE, "done") is True,
            evolution=seed,
        )

    def _kinds(self) -> list[str]:
        return ["error", "success"] if self.recipe.lessons == "combined" else [self.recipe.lessons]

    def _learned(self) -> bool:
        base = self.teacher.folder
        return all(
            (base / f"{analysis_folder(kind)}{PARSED}").is_file()
            and _field(base / analysis_folder(kind) / ANALYSIS_SUMMARY, "owed") == []
            for kind in self._kinds()
        )

    # ---- flags -------------------------------------------------------------

    def _tasks(self, split: str) -> list[str]:
        chosen = getattr(self.recipe.split, split)
        if isinstance(chosen, str):
            return ["--instance_ids", ",".join(self.ids[split])]
        return ["--start_idx", str(chosen[0]), "--end_idx", str(chosen[1])]

    def _order(self, entrant: Entrant) -> list[str]:
        """The first run on a split tells the others which tasks take long."""
        first = self.teacher if entrant.split == "train" else self.baselines()[0]
        return [] if entrant == first else ["--longest_first", str(first.outputs)]

    def _agents(self) -> list[str]:
        recipe = self.recipe
        limits = ["--max_turns", str(recipe.max_turns), "--workers", str(recipe.workers)]
        if recipe.case_timeout is not None:
            limits += ["--case_timeout", f"{recipe.case_timeout:g}"]
        return [*limits, "--sandbox", recipe.sandbox]

    def _model(self, name: str, config: str, token_cap: str = "--max_tokens") -> list[str]:
        """Each stage has a reply cache of its own: a broken one pays nothing twice, and two stages
        that ask the same still draw their own replies. Evolutions keep what they paid themselves,
        and ask anew for what they could not read."""
        model, budget = self.recipe.model, self.recipe.budget
        flags = ["--model", model.name, "--budget", str(self.root / BUDGET)]
        flags += ["--generation_config", config] if config else []
        if model.replay:
            flags += ["--replay", model.replay]
        else:
            cache = self.root / "reply_cache" / name.replace("/", "_")
            flags += ["--reply_cache", str(cache)] if name else []
            flags += ["--llm_client", model.llm_client, "--api_chat_config", model.api_chat_config]
            flags += ["--base_url", model.base_url] if model.base_url else []
            flags += ["--record", model.record] if model.record else []
        caps = {
            "--max_cost": budget.max_cost,
            token_cap: budget.max_tokens,
            "--max_calls": budget.max_calls,
        }
        for flag, cap in caps.items():
            flags += [flag, str(cap)] if cap is not None else []
        flags += ["--max_downtime", f"{self.recipe.max_downtime:g}"]
        flags += ["--min_free_disk", f"{self.recipe.min_free_disk:g}"]
        return [*flags, "--prices", budget.prices]


def _test(recipe: Recipe) -> tuple[int, ...]:
    return recipe.held_out_seeds


def _scored(entrant: Entrant, tasks: int) -> bool:
    """Every task ended by the agent, scored since, and every log named by its verdict."""
    folders = entrant.seed_folders()
    ended = [_ended(folder / RESULTS) for folder in folders]
    if any(number < tasks for number in ended) or not entrant.verdicts.is_file():
        return False
    scored = entrant.verdicts.stat().st_mtime_ns
    if any((folder / RESULTS).stat().st_mtime_ns > scored for folder in folders):
        return False
    return len([p for p in entrant.layout.logs.rglob("*.md") if _triaged(p)]) >= tasks * len(
        folders
    )


def _triaged(path: Path) -> bool:
    """Named by its verdict, or never to be: a refused run says nothing of the agent."""
    from react_agent.runs.logs import read_log

    return path.stem.endswith(("_SUCCEED", "_FAILED")) or read_log(path).status == REFUSED


def _ended(results: Path) -> int:
    """Tasks whose every test case the agent has ended."""
    instances = _field(results, "results")
    if not isinstance(instances, list):
        return -1
    cases: list[Sequence[dict[str, Any]]] = [instance["test_cases"] for instance in instances]
    return sum(
        bool(rows) and all(row["status"] not in NOT_THE_AGENT for row in rows) for rows in cases
    )


def _field(path: Path, name: str) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value.get(name) if isinstance(value, dict) else None
