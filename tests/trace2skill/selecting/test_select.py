"""Patch selection: a scripted agent solves more with one planted lesson and less with another."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import DONE, bash
from evolving import SKILL, Author, make_records, make_skill
from evolving import run as evolved
from stub_server import StubServer, reply

from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.runs.settings import AgentSettings
from react_agent.skills import Skill
from reporting.page import command as report
from skill_evolver.commands import blame, lessons
from skill_evolver.engine.history import explain
from skill_evolver.patches.rules import check
from trace2skill import cli
from trace2skill.selecting import command
from trace2skill.selecting.outcome import Candidate, PatchesSelected, expected_gain
from trace2skill.selecting.searching import estimator, greedy
from trace2skill.selecting.settings import PatchSelection
from trace2skill.selecting.stage import Selecting
from trace2skill.trials.trying import Owed

DOMAIN = "tinyqa:open_domain"
TASKS = [str(number) for number in range(8)]


class World:
    """An evolved skill, in which the first lesson helps and the second hurts."""

    def __init__(self, root: Path) -> None:
        self.root, self.data = root, root / "data"
        self.data.mkdir(parents=True)
        questions = [{"id": t, "question": f"What is {t}?", "answer": f"It is {t}"} for t in TASKS]
        lines = [json.dumps(question) for question in questions]
        (self.data / "questions.jsonl").write_text("\n".join(lines))
        self.skill = make_skill(root / "evolved")
        evolved(self.skill, make_records(root / "records.json", 5), Author())
        _, self.provenance, _ = explain(self.skill)
        texts = {edit.id: edit for step in self.provenance.steps for edit in step}
        self.lines = [
            next(texts[i].content for i in one.edits if texts[i].op != "create").strip()
            for one in self.provenance.lessons
        ]
        self.ids = [one.id for one in self.provenance.lessons]
        self.helps, self.hurts = self.lines[:2]
        self.asked = 0

    def solves(self, task: str, skill: str) -> bool:
        number = TASKS.index(task)
        return (number < 2 or self.helps in skill) and not (number < 3 and self.hurts in skill)

    def agent(self, body: dict[str, Any]) -> Any:
        self.asked += 1
        system, user = (message["content"] for message in body["messages"][:2])
        if len(body["messages"]) > 2:
            return reply(DONE)
        task = next(one for one in TASKS if f"What is {one}?" in user)
        answer = f"It is {task}" if self.solves(task, system) else "No idea"
        return reply(bash(f"echo {answer} > answer.txt"))

    def settings(self, **more: Any) -> PatchSelection:
        given = PatchSelection(
            evolved=self.skill,
            data_path=self.data,
            domain=DOMAIN,
            output_dir=self.root / "select",
            sample=None,
            patches=2,
            instance_ids=tuple(TASKS),
            agent=AgentSettings(workers=4, sandbox="none"),
            model=ModelSettings(model="m", api_key="EMPTY"),
        )
        return replace(given, **more)

    def select(self, **more: Any) -> PatchesSelected | Owed:
        async def go() -> PatchesSelected | Owed:
            async with StubServer(self.agent) as server:
                given = self.settings(**more)
                return await Selecting(
                    replace(given, model=replace(given.model, base_url=server.url))
                ).run()

        return asyncio.run(go())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def found(outcome: PatchesSelected | Owed) -> PatchesSelected:
    assert isinstance(outcome, PatchesSelected)
    return outcome


def test_what_helps_is_kept_what_hurts_is_not_and_the_skill_explains_itself(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Skill.load(world.skill).digest
    outcome = found(world.select(method="greedy"))
    assert Skill.load(world.skill).digest == before
    assert outcome.lessons == (world.ids[0],)
    by_name = {one.name: one for one in outcome.candidates}
    shares = {name: one.accuracy for name, one in by_name.items()}
    count = len(TASKS)
    assert shares[outcome.start] == 2 / count
    assert shares[outcome.merged] == (count - 3) / count
    assert shares[outcome.chosen] == 1.0
    gain = outcome.against_merged
    assert gain
    assert (gain.before, gain.after) == ((count - 3) / count, 1.0)
    assert gain.low <= gain.after - gain.before <= gain.high

    chosen = Skill.load(Path(outcome.skill))
    assert world.helps in chosen.text
    assert not any(line in chosen.text for line in world.lines[1:])
    assert [one.id for one in explain(chosen.root)[1].lessons] == [world.ids[0]]
    line = chosen.text.split("\n").index(world.helps) + 1
    capsys.readouterr()
    assert blame.main([f"{chosen.root / 'SKILL.md'}:{line}"]) == 0
    assert "from the start" not in capsys.readouterr().out
    assert lessons.main([str(chosen.root)]) == 0
    assert world.ids[0] in capsys.readouterr().out
    page = world.root / "page.html"
    runs = [by_name[name].folder for name in (outcome.merged, outcome.chosen)]
    assert report.main([*runs, "--skill", str(chosen.root), "--output", str(page)]) == 0
    saved = json.loads((world.root / "select/selection.json").read_text())
    assert PatchesSelected.model_validate(saved) == outcome

    asked = world.asked
    assert found(world.select(method="greedy")) == outcome
    assert world.asked == asked, "nothing is paid twice"
    said = command.text(outcome)
    assert "Warning: the best of" in said
    assert "Only tasks that took no part" in said


def test_the_estimator_finds_the_same(world: World) -> None:
    outcome = found(world.select(method="estimator", rounds=1))
    assert world.ids[0] in outcome.lessons
    assert world.ids[1] not in outcome.lessons
    assert len(outcome.candidates) <= 5
    asked = world.asked
    assert found(world.select(method="estimator", rounds=1)) == outcome
    assert world.asked == asked


def test_a_cap_on_calls_owes_the_rest_and_the_next_start_goes_on(tmp_path: Path) -> None:
    whole, capped = World(tmp_path / "whole"), World(tmp_path / "capped")
    expected = found(whole.select())
    model = replace(capped.settings().model, budget=BudgetSettings(max_calls=36))
    owed = capped.select(model=model)
    assert isinstance(owed, Owed)
    assert capped.asked <= 36
    outcome = found(capped.select())
    assert (outcome.lessons, outcome.candidates[-1].passed) == (
        expected.lessons,
        expected.candidates[-1].passed,
    )
    assert whole.asked <= capped.asked <= whole.asked + 4, "what was in flight at most"


def test_other_settings_are_refused(world: World) -> None:
    world.select(max_candidates=2)
    with pytest.raises(ContractError, match="max_turns: 20 -> 5"):
        world.select(agent=AgentSettings(workers=4, sandbox="none", max_turns=5))


def test_no_more_subsets_are_tried_than_allowed_and_equals_leave_the_merged_skill(
    world: World,
) -> None:
    world.helps = world.hurts = "no line of it"
    outcome = found(world.select(max_candidates=3))
    assert outcome.ended == "ended by --max_candidates 3"
    assert len(outcome.candidates) == 3
    assert outcome.chosen == outcome.merged
    assert outcome.against_merged is None
    assert Skill.load(Path(outcome.skill)).files == Skill.load(world.skill).files
    assert "None was better" in command.text(outcome)


def test_every_subset_is_a_sound_skill_and_none_is_the_start(world: World) -> None:
    selecting = Selecting(world.settings())
    chance = random.Random(1)
    for _ in range(20):
        subset = frozenset(one for one in world.ids if chance.random() < 0.5)
        provenance, files = selecting.state(subset)
        assert check(files) == []
        assert provenance.files() == files
        for one, line in zip(world.ids, world.lines, strict=True):
            assert (line in files["SKILL.md"]) is (one in subset)
    assert selecting.state(frozenset())[1]["SKILL.md"] == SKILL
    assert selecting.state(selecting.all)[1] == selecting.skill.files


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--min_support", "99"], "has the support of at least 99"),
        (["--instance_ids", "none"], "no task with id none"),
        (["--skill", "xlsx"], "the skill is the one that is measured"),
    ],
)
def test_wrong_input_is_one_line(
    world: World, flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data_path", str(world.data), "--domain", DOMAIN, "--model", "m", *flags]
    assert cli.main(["select", str(world.skill), *given]) == 2
    assert complaint in capsys.readouterr().err


def test_the_plan_is_told_and_nothing_called(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data_path", str(world.data), "--domain", DOMAIN, "--model", "m", "--dry_run"]
    flags = [*given, "--patches", "2", "--sample", "4", "--seeds", "1,2"]
    assert cli.main(["select", str(world.skill), *flags]) == 0
    said = capsys.readouterr().out
    assert "2 of 6 lessons, by support" in said
    assert "at most 5 skills, 4 tasks, 2 seeds: 40 cases" in said


# ---- the searches and the estimate alone ------------------------------------


class Scores:
    """Adds up what each lesson is worth; keeps what was asked."""

    def __init__(self, worth: dict[str, float]) -> None:
        self.worth, self.asked = worth, list[frozenset[str]]()

    async def __call__(self, subset: frozenset[str]) -> float:
        self.asked.append(subset)
        return sum(self.worth[one] for one in subset)

    @property
    def best(self) -> frozenset[str]:
        return max(self.asked, key=lambda subset: sum(self.worth[one] for one in subset))


@pytest.mark.parametrize("seed", range(4))
def test_both_searches_find_what_is_best_where_lessons_add_up(seed: int) -> None:
    chance = random.Random(seed)
    worth = {f"L{n}": chance.uniform(-1, 1) for n in range(6)}
    wanted = {one for one, value in worth.items() if value > 0}
    ids: Sequence[str] = list(worth)
    for search in (
        lambda scores: greedy(scores, ids, 10),
        lambda scores: estimator(scores, ids, 4, seed),
    ):
        scores = Scores(worth)
        asyncio.run(search(scores))
        assert scores.best == wanted
        assert len(set(scores.asked)) <= 6 + 7 + 4 * 8


def test_greedy_takes_out_what_a_later_lesson_makes_harmful() -> None:
    values = {frozenset(): 0.0, frozenset("a"): 0.1, frozenset("ab"): 0.2, frozenset("b"): 0.3}
    asked = []

    async def score(subset: frozenset[str]) -> float:
        asked.append(subset)
        return values[subset]

    asyncio.run(greedy(score, "ab", 10))
    assert asked[:4] == [frozenset(), frozenset("a"), frozenset("ab"), frozenset("b")]


def test_a_choice_among_equals_expects_no_gain_and_a_real_one_does() -> None:
    chance = random.Random(7)

    def candidate(name: str, share: float) -> Candidate:
        passed = {str(task): float(chance.random() < share) for task in range(32)}
        return Candidate(name=name, lessons=(), accuracy=sum(passed.values()) / 32, passed=passed)

    luck, gains = [], []
    for _ in range(20):
        equals = [candidate("merged", 0.5), *(candidate(str(n), 0.5) for n in range(10))]
        gain = expected_gain(equals)
        assert gain is not None
        gains.append(gain)
        luck.append(max(one.accuracy or 0 for one in equals) - (equals[0].accuracy or 0))
    assert sum(luck) / 20 > 0.1
    assert abs(sum(gains) / 20) < 0.05
    real = expected_gain([candidate("merged", 0.3), candidate("other", 0.9)])
    assert real
    assert real > 0.3
