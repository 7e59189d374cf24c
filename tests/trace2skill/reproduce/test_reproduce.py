"""A whole reproduction on a few bundled tasks: killed, capped, changed; against a real server."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from project import ROOT
from stub_server import StubServer, refusal, reply
from studies import Study, answering, study

from react_agent.errors import ContractError
from react_agent.flags import as_argv, parser_of, read
from react_agent.layout import BUDGET
from react_agent.models.spending.budget import read_spent
from trace2skill.cli import STAGES
from trace2skill.cli import main as cli
from trace2skill.reproduce.changes import all_steps, changes, moved
from trace2skill.reproduce.performing import WORK
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import MemoryTable, Recipe, contents, split_ids

WORKERS = 2


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")


def test_settings_are_the_same_wherever_the_toolkit_lies() -> None:
    was = {"skills_dir": '/old "place"/spreadsheet_agent/skills', "data_path": "data/mini"}
    here = was | {"skills_dir": str(ROOT / "spreadsheet_agent/skills")}
    assert moved(was, {"toolkit": '/old "place"'}) == here
    assert moved(was, {}) == moved(was, {"toolkit": "/old"}) == was


def test_killed_at_random_moments_it_ends_as_an_unbroken_one(
    tmp_path: Path, author: Callable[..., Any]
) -> None:
    kills = 3
    ends: list[dict[str, str]] = []

    async def unbroken(one: Study) -> None:
        code, said = await one.run()
        assert code == 0, said
        ends.append(one.leaves())

    async def broken(one: Study) -> None:
        moments = random.Random(5)
        for _ in range(kills):
            await one.killed_after(moments.randint(4, 16))
        code, said = await one.run()
        assert code == 0, said
        ends.append(one.leaves())

    whole = study(tmp_path / "a", answering(author, 0.01), unbroken)
    again = study(tmp_path / "b", answering(author, 0.01), broken)
    assert len(ends[0]) > 10
    assert ends[0] == ends[1]
    twice = _asked(again, tmp_path / "b") - _asked(whole, tmp_path / "a")
    # Only a request that was under way when the process died is sent again.
    assert twice.total() <= kills * WORKERS
    assert len(again) - len(whole) <= kills * WORKERS


def _asked(bodies: list[dict[str, Any]], folder: Path) -> Counter[str]:
    return Counter(json.dumps(b, sort_keys=True).replace(str(folder), "HERE") for b in bodies)


def test_a_cap_holds_over_starts_and_a_higher_one_goes_on(
    tmp_path: Path, author: Callable[..., Any]
) -> None:
    async def steps(one: Study) -> None:
        ids = one.folder / "train.txt"
        ids.write_text("9001, 901-3\n")
        train = f'train = "{ids}"'
        one.write(prices='prices = "1,2"\nmax_calls = 8', train=train)
        for cap, flags in ((8, []), (8, []), (30, ["--max-calls", "30"])):
            code, said = await one.run(*flags)
            assert code == 1, said
            assert f"the cap of {cap} calls is reached" in said
            assert "Traceback" not in said
            assert len(one.server.bodies) == cap
        one.write(train=train)
        code, said = await one.run()
        assert code == 0, said
        asked = _asked(one.server.bodies, tmp_path)
        assert max(asked.values()) <= 2  # trajectories and their validation ask the same
        calls = read_spent(one.output / BUDGET).usage().calls
        assert calls == len(one.server.bodies)
        value = json.loads((one.output / "reproduction.json").read_text())
        assert [s["tasks"] for s in value["standings"]] == [1, 2, 2, 2, 1]
        spent = value["spent"]
        assert spent["calls"] == calls
        assert spent["dollars"] > 0
        assert "the evolved skill is" in said
        for command in ("compare", "report", "ledger", "lessons", "blame"):
            assert cli([command, str(one.output)]) == 0, command

    study(tmp_path, answering(author), steps)


def test_other_settings_are_refused_and_a_dry_run_calls_nobody(tmp_path: Path) -> None:
    async def steps(one: Study) -> None:
        code, shown = await one.run("--dry-run")
        assert code == 0
        assert "to do, estimated" in shown
        assert "assumed: 20 calls a case" in shown
        assert not one.output.exists()
        one.output.mkdir()
        recipe = Recipe.load(one.config)
        whole = {"tasks": split_ids(recipe), "contents": contents(recipe)}
        state = {"settings": {**recipe.decides(), **whole}}
        (one.output / "state.json").write_text(json.dumps(state))
        one.write(workers="workers = 9")
        code, _ = await one.run("--dry-run")
        assert code == 0
        one.write(max_turns="max_turns = 7", test="test = [12, 14]")
        code, said = await one.run("--dry-run")
        assert code == 0, said  # nothing has begun that would rest on it
        (one.output / "cli_only_baseline" / "outputs").mkdir(parents=True)
        one.write(merge_batch_size="merge_batch_size = 4", train="train = [0, 3]")
        code, said = await one.run("--dry-run")
        assert code == 0, said  # the held-out run does not rest on it
        one.write(max_turns="max_turns = 7", test="test = [12, 14]")
        code, said = await one.run()
        assert code == 2
        assert "max_turns: 20 -> 7" in said
        assert "split.test: [12, 13] -> [12, 14]" in said
        assert "They decide no skill, which has begun" in said
        state["settings"]["contents"]["skill xlsx-basic"] = "as it was then"
        (one.output / "state.json").write_text(json.dumps(state))
        one.write()
        code, said = await one.run()
        assert code == 2
        assert "contents.skill xlsx-basic: 'as it was then' ->" in said

    assert study(tmp_path, reply("no"), steps) == []


def test_an_endpoint_that_is_not_there_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    async def steps(one: Study) -> None:
        await one.server.down()
        before = time.monotonic()
        code, said = await one.run()
        assert code == 1
        assert "nothing was begun" in said
        assert "connection refused" in said
        assert time.monotonic() - before < 20
        assert not one.output.exists()

    assert study(tmp_path, reply("no"), steps) == []


def test_a_model_that_is_not_listed_is_told_with_those_that_are(tmp_path: Path) -> None:
    async def steps(one: Study) -> None:
        one.write(name='name = "scripted-demo-modle"')
        code, said = await one.run()
        assert code == 2
        assert "does not list scripted-demo-modle" in said
        assert "one of: scripted-demo-model" in said

    study(tmp_path, refusal(404), steps)


def test_without_a_lesson_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    async def steps(one: Study) -> None:
        one.write(lessons='lessons = "error"', merge_batch_size='baselines = ["xlsx-basic"]')
        code, said = await one.run()
        assert code == 3, said
        assert "No skill was evolved: no lesson passed the gate" in said
        assert 'gate = "off"' in said
        value = json.loads((one.output / "reproduction.json").read_text())
        assert value["skill"] is None
        code, again = await one.run()
        assert code == 3
        assert "0 lessons passed the gate" in again

    study(tmp_path, reply("I give up."), steps)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seeds": "seeds = [41, 41]"}, "seeds names a seed twice"),
        ({"seeds": "seeds = []"}, "seeds: Tuple should have at least 1 item"),
        ({"max_turns": "maxturns = 3"}, "maxturns: no such key; known keys: model, domain"),
        ({"name": 'nmae = "m"'}, "model.nmae: no such key"),
        ({"name": ""}, "model.name: Field required"),
        ({"merge_batch_size": "", "lessons": 'lessons = "both"'}, "lessons: Input should be"),
        ({"test": "test = [1, 4]"}, "1 tasks are in train and in test, such as"),
        ({"test": "test = [90, 95]"}, "split.test: no task of"),
        ({"test": 'test = "nowhere.txt"'}, "nowhere.txt: cannot be read"),
        ({"test": "test = [90"}, "is not TOML"),
        ({"test": 'test = ["9102", "no such"]'}, "has no no such"),
        ({"test": "test = []"}, "split.test"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(
    changes: dict[str, str], says: str, tmp_path: Path
) -> None:
    one = Study(tmp_path, StubServer(None, url="http://127.0.0.1:9/v1"), **changes)
    with pytest.raises(ContractError) as refused:
        split_ids(Recipe.load(one.config))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_split_can_be_a_list_of_ids(tmp_path: Path) -> None:
    one = Study(
        tmp_path,
        StubServer(None, url="http://127.0.0.1:9/v1"),
        test='test = ["9114", "9102"]',
    )
    recipe = Recipe.load(one.config)
    ids = split_ids(recipe)
    assert sorted(ids["test"]) == ["9102", "9114"]
    pipeline = Pipeline(recipe, ids)
    run = pipeline.roll_out(pipeline.baselines()[0]).stages[0].settings
    assert sorted(run.cases.instance_ids) == ["9102", "9114"]
    assert Recipe.load(one.config).decides()["split"]["train"] == [0, 2]


def test_a_recipe_names_the_agent(tmp_path: Path) -> None:
    one = Study(tmp_path, StubServer(None, url="http://127.0.0.1:9/v1"))
    recipe = Recipe.load(one.config)
    assert not {"harness", "command", "skill_offer"} & {*recipe.decides()}
    named = recipe.model_copy(update={"harness": "codex", "skill_offer": "preloaded"})
    assert named.decides() == {**recipe.decides(), "harness": "codex", "skill_offer": "preloaded"}
    pipeline = Pipeline(named, split_ids(named))
    run = pipeline.roll_out(pipeline.teacher).stages[0].settings
    agent = run.agent
    assert (agent.harness, agent.command, agent.skill_offer) == ("codex", None, "preloaded")
    # A client asks by itself, and its gateway refuses a cache; all others keep theirs.
    assert run.model.reply_cache is None
    assert pipeline.learn().stages[0].settings.model.reply_cache
    built_in = Pipeline(recipe, split_ids(recipe))
    assert built_in.roll_out(built_in.teacher).stages[0].settings.model.reply_cache


@pytest.mark.parametrize("path", ["reproduce.example.toml", "data/mini/reproduce.toml"])
def test_the_bundled_files_are_sound(path: str) -> None:
    recipe = Recipe.load(ROOT / path)
    assert recipe.skills_dir == ROOT / "spreadsheet_agent" / "skills"


def test_every_command_of_a_plan_is_one_that_its_stage_takes(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("9001, 901-3\n")
    one = Study(
        tmp_path,
        StubServer(None, url="http://127.0.0.1:9/v1"),
        train=f'train = "{ids}"',
        prices='prices = "1,2"\nmax_calls = 3\nmax_tokens = 4\nmax_cost = 5',
    )
    limits = {"case_timeout": 60.0, "max_downtime": 30.0}
    memory = MemoryTable(only="error", embedding_model="e", embedding_base_url="http://there/v1")
    more = {"test_seeds": (1, 2), "memory": memory}
    recipe = Recipe.load(one.config).model_copy(update={**more, **limits})
    pipeline = Pipeline(recipe, split_ids(recipe))
    steps = all_steps(pipeline)
    assert not any(step.whole() for step in steps)
    stages = [stage for step in [*steps] for stage in step.stages]
    stages += pipeline.closing(pipeline.champion(41))
    for stage in stages:
        argv = as_argv(stage.settings)
        kind = type(stage.settings)
        assert read(kind, parser_of(kind, "").parse_args(argv)) == stage.settings
        with_agents = stage.name in ("run", "analyze")
        assert with_agents == ("--case_timeout" in argv)
        calls = with_agents or stage.name in ("evolve", "memory")
        assert calls == bool({"--max_downtime", "--max-downtime"} & {*argv})
    assert {stage.name for stage in stages} == {*WORK} <= {*STAGES}
    reminded = [stage.settings.memory for stage in stages if stage.name == "run"]
    assert [one.embedding_model for one in reminded if one.memory_bank] == ["e"]


def test_a_recipe_s_memory_may_move_but_not_become_another(tmp_path: Path) -> None:
    one = Study(tmp_path, StubServer(None, url="http://127.0.0.1:9/v1"), more="[memory]")
    recipe = Recipe.load(one.config)
    pipeline = Pipeline(recipe, split_ids(recipe))
    was = {**recipe.decides(), "tasks": pipeline.ids, "contents": contents(recipe)}
    (reminded,) = pipeline.reminded()
    reminded.outputs.mkdir(parents=True)

    def started(more: str) -> list[str]:
        one.write(more=f"[memory]\n{more}")
        other = Recipe.load(one.config)
        later = Pipeline(other, split_ids(other))
        now = {**other.decides(), "tasks": later.ids, "contents": contents(other)}
        return changes(was, now, later)

    assert started('embedding_base_url = "http://elsewhere/v1"') == []
    with pytest.raises(ContractError, match="They decide ReasoningBank, which has begun"):
        started('embedding_model = "e"')
    with pytest.raises(ContractError, match=r"memory\.embeding: no such key; known keys: only"):
        started('embeding = "e"')
