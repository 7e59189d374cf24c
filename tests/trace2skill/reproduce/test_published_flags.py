"""The stages that `reproduce` starts are the published ones, by their settings."""

import asyncio
from pathlib import Path

import pytest
from project import ROOT

from analysis.analysts.settings import Repairing, RunAnalysis
from react_agent.bundled import API_CHAT
from react_agent.layout import BUDGET
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.prices import Prices
from react_agent.models.spending.settings import BudgetSettings
from react_agent.runs.settings import AgentSettings, CaseChoice, Rollouts, Triage
from skill_evolver.engine.result import NOT_WRITTEN
from skill_evolver.engine.settings import Evolution
from spreadsheetbench.scoring.settings import Scoring
from trace2skill.reproduce.conduct import Conductor
from trace2skill.reproduce.performing import Performed
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import BudgetTable, ModelTable, Recipe, SplitTable
from trace2skill.reproduce.steps import Stage

IDS = {"train": ["1", "2"], "test": ["3"]}


def plan(folder: Path, **changes: object) -> Pipeline:
    recipe = Recipe(
        data_path=Path("data"),
        output=folder,
        seeds=(4, 41),
        workers=7,
        merge_batch_size=6,
        max_downtime=30,
        min_free_disk=5,
        model=ModelTable(name="m", generation_config="instruct", thinking_config="thinking"),
        split=SplitTable(train=(0, 2), test=(2, 3)),
        budget=BudgetTable(prices="1,2", max_cost=3, max_tokens=4, max_calls=5),
    )
    return Pipeline(recipe.model_copy(update=changes), IDS)


@pytest.mark.parametrize("lessons", ["error", "success", "combined"])
def test_an_evolution_learns_from_its_lessons_with_the_published_settings(
    lessons: str, tmp_path: Path
) -> None:
    step = plan(tmp_path, lessons=lessons).evolve(41)
    (stage,) = step.stages
    folder = tmp_path / "skill_evolution_seed_41" / f"{lessons}_driven_skill_evolution"
    run = tmp_path / "baseline_run"
    assert stage.name == "evolve"
    assert stage.settings == Evolution(
        error_json=run / "error_analysis_parsed.json" if lessons != "success" else None,
        success_json=run / "success_analysis_parsed.json" if lessons != "error" else None,
        skill_dir=folder / "skills" / "xlsx",
        prompt="skill" if lessons == "combined" else "generic",
        data_path=Path("data"),
        batch_size=1,
        seed=41,
        merge_batch_size=6,
        patch_pipeline="json",
        changelog=folder / "change.log",
        save_intermediates=True,
        intermediates_dir=folder / "intermediates",
        parse_failure_dir=folder / "parse_failures",
        max_workers=7,
        model=ModelSettings(
            model="m",
            api_chat_config=API_CHAT,
            generation_config="thinking",
            default_temperature=0.6,
            released_temperature=0.6,
            reply_cache=None,  # an evolution keeps what it paid itself
            max_downtime=30,
            min_free_disk=5,
            budget=BudgetSettings(
                budget=tmp_path / BUDGET, max_cost=3, max_tokens=4, max_calls=5, prices="1,2"
            ),
        ),
    )
    assert (step.kind, step.split, step.evolution) == ("evolution", "train", 41)


def test_all_stages_are_told_what_the_recipe_says(tmp_path: Path) -> None:
    said = {"case_timeout": 60.0, "sandbox": "none", "gate": "replay", "max_turns": 9}
    pipeline = plan(tmp_path, **said, test_seeds=(1, 2), lessons="combined", prompts=Path("words"))
    champion = pipeline.champion(41)
    rollouts, scoring, triage = (stage.settings for stage in pipeline.roll_out(champion).stages)
    assert isinstance(rollouts, Rollouts)
    assert rollouts.agent == AgentSettings(
        agent="cli_skill_preloaded",
        skill="xlsx",
        skills_dir=pipeline.evolved_skills(41),
        prompts=Path("words"),
        max_turns=9,
        case_timeout=60.0,
        workers=7,
        sandbox="none",
        longest_first=tmp_path / "cli_only_baseline/outputs",
    )
    assert rollouts.cases == CaseChoice(start_idx=2, end_idx=3, seeds=(1, 2))
    assert rollouts.model.generation_config == "instruct"
    assert rollouts.model.default_temperature == Rollouts.model.default_temperature
    assert rollouts.model.reply_cache == tmp_path / "reply_cache/evolved_run_seed_41"
    assert scoring == Scoring(
        data_path=Path("data"), output_dir=champion.outputs, start_idx=2, end_idx=3, repeat=2
    )
    assert triage == Triage(
        eval_results=champion.verdicts, log_dir=champion.layout.logs, repeat=2, no_details=True
    )
    (learning,) = (stage.settings for stage in pipeline.learn().stages)
    assert isinstance(learning, RunAnalysis)
    assert learning.repairing == Repairing(
        max_turns=9, case_timeout=60.0, workers=7, sandbox="none", gate="replay"
    )
    assert (learning.only, learning.run_folder) == ("all", tmp_path / "baseline_run")
    assert learning.model.generation_config == "instruct"
    assert learning.success_generation_config == "thinking"
    recorded = plan(tmp_path, model=ModelTable(name="m", replay="c.jsonl"))
    (run, *_) = (stage.settings for stage in recorded.roll_out(recorded.teacher).stages)
    assert isinstance(run, Rollouts)
    assert (run.model.replay, run.model.reply_cache) == (Path("c.jsonl"), None)
    assert run.agent.longest_first is None


def test_a_seed_without_a_skill_takes_no_other_seed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 4 is part of the name of seed 41."""
    pipeline = plan(tmp_path, skills_dir=ROOT / "spreadsheet_agent/skills")
    conductor = Conductor(pipeline, Prices())
    started: list[Stage] = []

    async def run(stage: Stage) -> Performed:
        started.append(stage)
        evolution = stage.settings
        broken = isinstance(evolution, Evolution) and evolution.seed == 4
        return Performed(NOT_WRITTEN if broken else 0)

    monkeypatch.setattr("trace2skill.reproduce.conduct.perform", run)

    async def all_steps() -> None:
        for step in [
            *map(pipeline.evolve, (4, 41)),
            *map(pipeline.roll_out, pipeline.validations()),
        ]:
            await conductor._do(step)

    asyncio.run(all_steps())
    assert conductor.without_skill == [4]
    runs = [stage.settings for stage in started if isinstance(stage.settings, Rollouts)]
    assert [run.output_dir.name for run in runs] == ["baseline_outputs", "evolved_seed_41_outputs"]
