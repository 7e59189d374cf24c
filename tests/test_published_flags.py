"""The evolution that `reproduce` starts is the published one, by the flags its parser takes."""

from pathlib import Path

import pytest

from react_agent.layout import BUDGET
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.prices import Prices
from react_agent.models.spending.settings import BudgetSettings
from skill_evolver import evolve
from skill_evolver.engine.settings import Evolution
from trace2skill.reproduce.conduct import NOT_WRITTEN, Conductor
from trace2skill.reproduce.pipeline import Command, Pipeline, PipelineStep
from trace2skill.reproduce.recipe import BudgetTable, ModelTable, Recipe, SplitTable

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


def parsed(step: PipelineStep, monkeypatch: pytest.MonkeyPatch) -> Evolution:
    found: list[Evolution] = []

    async def only_parse(settings: Evolution) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(evolve, "work", only_parse)
    (command,) = step.commands
    assert command.stage == "evolve"
    assert evolve.main(list(command.argv)) == 0
    return found[0]


@pytest.mark.parametrize("lessons", ["error", "success", "combined"])
def test_an_evolution_learns_from_its_lessons_with_the_published_settings(
    lessons: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = plan(tmp_path, lessons=lessons).evolve(41)
    settings = parsed(step, monkeypatch)
    folder = tmp_path / "skill_evolution_seed_41" / f"{lessons}_driven_skill_evolution"
    run = tmp_path / "baseline_run"
    wanted = {
        "error_json": run / "error_analysis_parsed.json" if lessons != "success" else None,
        "success_json": run / "success_analysis_parsed.json" if lessons != "error" else None,
        "skill_dir": folder / "skills" / "xlsx",
        "prompt": "skill" if lessons == "combined" else "generic",
        "data_path": Path("data"),
        "batch_size": 1,
        "seed": 41,
        "merge_batch_size": 6,
        "patch_pipeline": "json",
        "changelog": folder / "change.log",
        "save_intermediates": True,
        "intermediates_dir": folder / "intermediates",
        "parse_failure_dir": folder / "parse_failures",
        "max_workers": 7,
        "continue_evolving": False,
        "skip_translation": False,
        "min_support": 1,
        "mode": "parallel",
    }
    assert {name: getattr(settings, name) for name in wanted} == wanted
    assert settings.model == ModelSettings(
        model="m",
        default_temperature=0.6,
        released_temperature=0.6,
        generation_config="thinking",
        max_downtime=30.0,
        min_free_disk=5.0,
        reply_cache=None,  # an evolution keeps what it paid itself
        budget=BudgetSettings(
            budget=tmp_path / BUDGET, prices="1,2", max_cost=3.0, max_tokens=4, max_calls=5
        ),
    )
    assert (step.kind, step.split, step.evolution) == ("evolution", "train", 41)


def test_a_seed_without_a_skill_takes_no_other_seed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 4 is part of the name of seed 41."""
    pipeline = plan(tmp_path, skills_dir=Path(__file__).parent.parent / "spreadsheet_agent/skills")
    conductor = Conductor(pipeline, Prices())
    started: list[tuple[str, ...]] = []

    def run(command: Command) -> int:
        started.append((command.stage, *command.argv))
        seed = command.argv[command.argv.index("--seed") + 1] if command.stage == "evolve" else ""
        return NOT_WRITTEN if seed == "4" else 0

    monkeypatch.setattr("trace2skill.reproduce.conduct._run", run)
    for step in [*map(pipeline.evolve, (4, 41)), *map(pipeline.roll_out, pipeline.validations())]:
        conductor._do(step)
    assert conductor.without_skill == [4]
    runs = [command for command in started if command[0] == "run"]
    assert [Path(run[run.index("--output_dir") + 1]).name for run in runs] == [
        "baseline_outputs",
        "evolved_seed_41_outputs",
    ]
