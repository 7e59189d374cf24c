"""`trace2skill evolve --config FILE`: a user's own tasks make a skill better, whole."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import DONE, bash
from evolving import SKILL, TOPICS, Author
from online import report, started
from pages import cells, run_cell
from stub_server import StubServer, reply

from react_agent.model import Message
from react_agent.skills import Skill
from reporting.comparing.comparison import Compared
from trace2skill.cli import main

LESSON = TOPICS[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    skill = tmp_path / "skills" / "adding"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL.replace("name: xlsx", "name: adding"))
    tasks = [{"id": f"t-{n}", "prompt": f"What is {n} plus {n}?", "truth": 2 * n} for n in range(6)]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return tmp_path


def write(folder: Path, **more: Any) -> Path:
    value = {"tasks": "tasks.json", "skill": "skills/adding", "model": "m", **more}
    file = folder / "evolve.yaml"
    file.write_text(json.dumps({k: v for k, v in value.items() if v is not None}))
    return file


def model() -> Callable[[dict[str, Any]], Any]:
    """An agent that adds only once its skill says so; an analyst that mends; an author."""
    author = Author()

    async def answer(body: dict[str, Any]) -> Any:
        messages = [Message(**m) for m in body["messages"]]
        system, user = messages[0].text, messages[1].text
        again = any(m.role == "assistant" for m in messages)
        if "notes for an agent's memory" in system:
            kind = "Failure" if "failed its task" in system else "Success"
            return reply(f"# {kind} Memory Item 1\n## Title\n{LESSON}\n## Content\nAdd them.\n")
        if "# Success Memory Item" in system:
            return reply(report("Success", LESSON))
        if "# Failure Memory Item" in system:
            mend = "tail -n 1 truth.txt > answer_fixed.txt"
            return reply(report("Failure", LESSON) + DONE if again else bash(mend))
        if found := re.search(r"What is (\d) plus", user):
            right = LESSON in system + user or found[1] == "0"
            said = 2 * int(found[1]) if right else "unknown"
            return reply(DONE if again else bash(f"echo 'Answer: {said}' > answer.txt"))
        return reply((await author.reply(messages)).text)

    return answer


def test_own_tasks_make_a_skill_better(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    before = Skill.load(folder / "skills" / "adding")

    async def scenario() -> str:
        async with StubServer(model(), models=["m"]) as server:
            given = {"name": "m", "base_url": server.url}
            file = write(folder, model=given, gate="off", sandbox="auto", memory={})
            process = await started("evolve", "--config", str(file), "--yes")
            said, _ = await process.communicate()
            assert process.returncode == 0, said.decode()
            return said.decode()

    said = asyncio.run(scenario())
    assert Skill.load(folder / "skills" / "adding").digest == before.digest
    place = re.search(r"^skill +(\S+)$", said, re.MULTILINE)
    assert place
    assert LESSON in Skill.load(Path(place[1])).text
    assert re.search(r"^adding +test +0/2 ", said, re.MULTILINE)
    assert re.search(r"^adding evolved \(seed 41\) +test +2/2 ", said, re.MULTILINE)
    assert re.search(r"notes from the trajectories\s.* 4 notes$", said, re.MULTILINE | re.DOTALL)
    assert re.search(r"^no skill +test +0/2 ", said, re.MULTILINE)
    assert re.search(r"^ReasoningBank +test +2/2 ", said, re.MULTILINE)
    compared = Compared.model_validate_json((folder / "evolved/comparison.json").read_text())
    assert [one.memory for one in compared.standings][2].startswith("reasoningbank")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tasks": "none.json"}, "none.json: "),
        ({"skill": "none"}, "none: no such skills folder"),
        ({"skill": None}, "skill: Field required"),
        ({"model": None}, "model: Field required"),
        ({"held_out": 1.5}, "held_out"),
        ({"held_out": ["t-9"]}, "has no task t-9"),
        ({"held_out": [f"t-{n}" for n in range(6)]}, "at least two tasks"),
        ({"wokers": 3}, "wokers: "),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    folder: Path, more: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evolve", "--config", str(write(folder, **more)), "--yes"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1


def test_the_page_s_agent_and_evaluator_go_through_the_whole_loop_and_on_after_a_cap(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    asked, names = 0, dict[str, Any]()
    script = model()

    async def answer(body: dict[str, Any]) -> Any:
        nonlocal asked
        asked += 1
        return await script(body)

    async def scenario() -> None:
        (cell,) = cells("your_tasks.md")
        async with StubServer(answer, models=["m"]) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            first = cell.replace('gate="off",', 'gate="off", budget={"max_calls": 2},')
            await run_cell(first, names)
            capped = names["done"]
            assert (capped.owed, capped.skill, asked) == (True, None, 2)
            assert "lessons" in capped.stopped
            assert f"stopped in {capped.stopped.partition(':')[0]}; start it again" in capped.text
            capfd.readouterr()
            await run_cell(cell, names)

    asyncio.run(scenario())
    done = names["done"]
    assert done.code == 0
    assert LESSON in Skill.load(done.skill).text
    solved = {one.label: (one.solved, one.tasks) for one in done.standings if one.split == "test"}
    assert solved == {"no skill": (0, 2), "adding": (0, 2), "adding evolved (seed 41)": (2, 2)}
    assert done.compared.pairs[-1].after == 1
    assert capfd.readouterr().out == f"{done.text}\n{done.skill}\n"
