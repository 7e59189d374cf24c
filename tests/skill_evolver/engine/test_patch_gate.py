"""The patch gate: a patch that solves its own task is merged, another is not, and nothing is paid
twice. One scripted server is both the author and the agent that tries the patches."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from evolving import Author, make_skill, role_of
from project import MINI
from stub_server import StubServer, reply
from trial.stages import task_in

from analysis.lessons.records import LessonItem, LessonRecord, save_records
from react_agent.errors import ContractError, Trace2SkillError
from react_agent.model import Message
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.skills import Skill
from skill_evolver.engine.evolution import evolve
from skill_evolver.engine.history import explain
from skill_evolver.engine.result import EvolutionResult
from skill_evolver.engine.settings import Evolution

GOOD, USELESS, LOST = (
    "Keep dates as dates when cells are written.",
    "Copy the formats of the row above into new rows.",
    "Strip blanks from keys on both sides of a lookup.",
)


def tasks() -> list[str]:
    return [str(one["id"]) for one in json.loads((MINI / "dataset.json").read_text("utf-8"))]


def records(folder: Path) -> Path:
    said = zip(tasks()[:3], (GOOD, USELESS, LOST), strict=True)
    made = [
        LessonRecord(
            instance_id=task,
            items=(LessonItem(type="failure_memory", number=1, title="Topic", content=text),),
        )
        for task, text in said
    ]
    save_records(folder / "records.json", made)
    return folder / "records.json"


class Both:
    """The author of patches, and an agent that succeeds only where its skill says GOOD."""

    def __init__(self) -> None:
        self.author, self.tried = Author(), 0

    def __call__(self, body: dict[str, Any]) -> Any:
        messages = [Message(role=m["role"], content=m["content"]) for m in body["messages"]]
        try:
            role = role_of(messages[0].text)
        except AssertionError:
            return self.agent(body["messages"])
        said = self.author.answer(role, messages)
        lost = role == "map" and LOST in messages[1].text
        return reply(said.replace("## Write", "## Nowhere") if lost else said)

    def agent(self, messages: list[dict[str, Any]]) -> Any:
        self.tried += 1
        if any(message["role"] == "assistant" for message in messages):
            return reply("ACTION: TASK_COMPLETE")
        kind = "golden" if GOOD in messages[0]["content"] else "init"
        file = next((MINI / "spreadsheet" / task_in(messages)).glob(f"*_{kind}.xlsx"))
        book = base64.b64encode(file.read_bytes()).decode()
        command = f"echo {book} | base64 -d > output.xlsx"
        call = {"name": "bash", "arguments": {"command": command}}
        return reply(f"Action:\n{json.dumps(call)}")


def evolution(root: Path, skill: Path, **more: Any) -> Evolution:
    return Evolution(
        skill_dir=skill,
        error_json=root / "records.json",
        domain="spreadsheetbench",
        gate="patch",
        parse_failure_dir=root / "failures",
        **more,
    )


async def carried_out(
    root: Path, skill: Path, url: str, calls: int | None = None
) -> EvolutionResult:
    model = ModelSettings(model="m", base_url=url, budget=BudgetSettings(max_calls=calls))
    return await evolve(evolution(root, skill, data_path=MINI, model=model))


def test_only_patches_that_solve_their_task_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    records(tmp_path)
    skill, both = make_skill(tmp_path), Both()

    async def starts() -> EvolutionResult:
        async with StubServer(both) as server:
            with pytest.raises(Trace2SkillError) as stopped:
                await carried_out(tmp_path, skill, server.url, calls=5)
            assert getattr(stopped.value, "owed", False)
            assert GOOD not in Skill.load(skill).text
            result = await carried_out(tmp_path, skill, server.url)
            await carried_out(tmp_path, skill, server.url)
            return result

    result = asyncio.run(starts())
    assert result.written
    assert "patch gate: up to 3 patches on 3 tasks" in caplog.text
    text = Skill.load(skill).text
    assert [said in text for said in (GOOD, USELESS, LOST)] == [True, False, True]
    _, provenance, _ = explain(skill)
    assert [trial.verdict for trial in provenance.gated] == [
        "helped",
        "did not help",
        "could not be tried",
    ]
    assert [entry.rule for entry in provenance.dropped] == ["gate"]
    assert result.summary["dropped"] == {"gate": 1}
    assert both.tried == 4  # two cases of two calls, over three starts


def test_without_tasks_nothing_can_be_tried(tmp_path: Path) -> None:
    records(tmp_path)
    settings = evolution(tmp_path, make_skill(tmp_path))
    with pytest.raises(ContractError, match="--gate patch needs --data-path"):
        asyncio.run(evolve(settings))
