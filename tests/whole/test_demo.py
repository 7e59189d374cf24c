"""The bundled cassette still fits: what a prompt or a mini task changes, it has to be recorded for.

The demo itself takes a minute and runs as `make demo`; here two of its tasks go through it.
"""

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest
from project import ROOT

from react_agent.errors import ContractError
from trace2skill import demo
from trace2skill.reproduce.performing import perform
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import Recipe, SplitTable, split_ids
from trace2skill.reproduce.steps import PipelineStep


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(ROOT)
    recipe = Recipe.load(demo.CONFIG)
    split = SplitTable(train=(0, 2), test=(12, 14))
    recipe = recipe.model_copy(update={"output": tmp_path / "out", "split": split})
    return Pipeline(recipe, split_ids(recipe))


def run(step: PipelineStep) -> None:
    for stage in step.stages:
        assert asyncio.run(perform(stage)).code == 0
    assert step.whole()


def test_agents_and_analysts_are_answered_from_the_cassette(pipeline: Pipeline) -> None:
    """Rerecord it with `python data/mini/make_cassette.py` if this fails."""
    run(pipeline.roll_out(pipeline.baselines()[1]))
    run(pipeline.roll_out(pipeline.teacher))
    run(pipeline.learn())
    spent = (pipeline.root / "budget.jsonl").read_text().splitlines()
    assert sum(json.loads(line).get("paid", False) for line in spent) > 20


def test_the_cassette_is_recorded_from_the_very_same_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "data" / "mini"))
    make_cassette = import_module("make_cassette")
    assert Path(make_cassette.CASSETTE) == ROOT / Recipe.load(ROOT / demo.CONFIG).model.replay
    sys.modules.pop("make_cassette")


def test_a_demo_takes_away_nothing_but_an_earlier_demo(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    demo._clear(folder)
    for settings in ({"model": {"replay": ""}}, {}, {"model": {}}):
        (folder / "state.json").write_text(json.dumps({"settings": settings}))
        with pytest.raises(ContractError, match="another --output_dir"):
            demo._clear(folder)
    (folder / "state.json").unlink()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ContractError, match="another --output_dir"):
        demo._clear(folder)
    state = {"settings": {"model": {"replay": "cassette.jsonl"}}}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "sub").mkdir()
    (folder / ".lock").touch()
    demo._clear(folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_live_demo_names_its_model_and_has_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    with pytest.raises(ContractError, match="name the model"):
        demo.recipe_of(demo.Demo(live=True))
    live, recorded = demo.recipe_of(demo.Demo(live=True, model="m")), demo.recipe_of(demo.Demo())
    assert live.output != recorded.output
    assert (live.model.name, live.model.replay) == ("m", "")
    assert Path(recorded.model.replay).is_file()
