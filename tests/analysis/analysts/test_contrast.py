"""One call for a case that one seed solved and another failed: which pairs, and what is shown."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from lessons import REPORT, SmallRun
from stub_server import StubServer, reply

from analysis.analysts.analysing import analyse
from analysis.analysts.settings import CallErrorAnalysis, RunChoice
from analysis.lessons.outcomes import Summary
from analysis.lessons.records import load_records
from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings

SEEDS = {
    41: {"1-1": "FAILED", "2-2": "FAILED", "3-3": "SUCCEED", "4-4": "FAILED"},
    42: {"1-1": "SUCCEED", "2-2": "FAILED", "3-3": "SUCCEED", "4-4": "SUCCEED"},
    43: {"1-1": "SUCCEED", "2-2": "FAILED", "3-3": "SUCCEED", "4-4": "FAILED"},
}
"""Two cases of the four can be compared, the last of them by two failures."""


def run_of_seeds(root: Path, seeds: dict[int, dict[str, str]] = SEEDS) -> Path:
    for seed, tags in seeds.items():
        small = SmallRun(root / str(seed), tags)  # type: ignore[arg-type]
        folder = root / "logs" / f"seed_{seed}"
        folder.mkdir(parents=True)
        for log in small.logs.glob("*.md"):
            text = log.read_text().replace("Thought: done", f"Thought: done by seed {seed}")
            (folder / log.name).write_text(text)
    return root / "logs"


def contrast(
    logs: Path, bodies: list[str] | None = None, **choice: int
) -> tuple[Summary, CallErrorAnalysis]:
    async def session() -> tuple[Summary, CallErrorAnalysis]:
        async with StubServer(lambda body: reply(REPORT)) as server:
            settings = CallErrorAnalysis(
                logs_dir=logs,
                output_dir=logs.parent / "reports",
                contrast=True,
                choice=RunChoice(**{"repeat": 3, **choice}),  # type: ignore[arg-type]
                model=ModelSettings(model="m", base_url=server.url, api_key="EMPTY"),
            )
            summary = await analyse(settings)
            if bodies is not None:
                bodies.extend(body["messages"][1]["content"] for body in server.bodies)
            return summary, settings

    return asyncio.run(session())


def seeds_in(text: str) -> Sequence[str]:
    failed, _, solved = text.partition("# The run that succeeded")
    return [*re.findall(r"by seed (\d+)", failed), *re.findall(r"by seed (\d+)", solved)]


def test_a_failed_and_a_solved_run_of_one_case_stand_in_one_call(tmp_path: Path) -> None:
    logs, asked = run_of_seeds(tmp_path), list[str]()
    summary, settings = contrast(logs, asked)
    assert sorted(map(tuple, map(seeds_in, asked))) == [("41", "42"), ("41", "42")]
    assert {re.findall(r"price list (\d-\d)", text)[0] for text in asked} == {"1-1", "4-4"}
    assert all(len(set(re.findall(r"price list (\d-\d)", text))) == 1 for text in asked)
    records = load_records(settings.records)
    assert [record.instance_id for record in records] == ["1-1_seed_41", "4-4_seed_41"]
    assert {item.type for record in records for item in record.items} == {
        "failure_cause",
        "failure_memory",
    }
    assert summary.counts == {"lesson": 2, "not compared": 4, "not failed": 6}

    again: list[str] = []
    contrast(logs, again)
    assert again == []  # paid once
    (rival,) = (logs / "seed_42").glob("*4-4*")
    rival.write_text(rival.read_text().replace("by seed 42", "by seed 42, otherwise"))
    contrast(logs, again)
    assert len(again) == 1  # its evidence is another now


def test_a_sample_counts_pairs(tmp_path: Path) -> None:
    asked: list[str] = []
    contrast(run_of_seeds(tmp_path), asked, sample=1)
    assert len(asked) == 1


def test_without_pairs_or_seeds_nothing_is_asked(tmp_path: Path) -> None:
    same = {seed: {"1-1": "FAILED", "2-2": "SUCCEED"} for seed in (41, 42)}
    logs, asked = run_of_seeds(tmp_path, same), list[str]()
    with pytest.raises(ContractError, match="no case was solved by one seed and failed by another"):
        contrast(logs, asked, repeat=2)
    with pytest.raises(ContractError, match="give --repeat"):
        contrast(logs, asked, repeat=1)
    assert asked == []
