"""A second benchmark and a second agent go through rollouts, verdicts and triage by their names
alone: text answers (tests/helpers/tinyqa), and any program as an agent."""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from commands import DONE, bash
from project import ROOT
from stub_server import StubServer, reply
from tinyruns import ANSWERS, DOMAIN, PROGRAM, data, program, results, settings, verdicts_and_triage

from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings
from react_agent.runs import session
from react_agent.runs.logs import read_log
from react_agent.runs.places import Session
from react_agent.runs.settings import AgentSettings, CaseChoice, Rollouts
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import BookScoring, Scoring


@pytest.fixture
def folder() -> Iterator[Path]:
    """Readable for the user of a sandbox, as the folder of a program has to be."""
    with tempfile.TemporaryDirectory(prefix="seams-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("sandbox", ["auto", "none"])
def test_any_program_is_an_agent(folder: Path, sandbox: Literal["auto", "none"]) -> None:
    done = asyncio.run(session.run(program(folder, sandbox)))
    found = results(done)
    assert {name: one.success for name, one in found.items()} == {
        "sum": True,
        "sky": True,
        "left": False,
    }
    assert found["left"].error == "no output"
    log = read_log(Path(found["sum"].log_file))
    assert log.messages[-1].text.startswith("I have read")
    outcomes = verdicts_and_triage(folder)
    assert outcomes == {"sum": "solved", "sky": "failed", "left": "failed"}
    names = sorted(path.name for path in (folder / "run/logs").glob("*.md"))
    assert names == ["command_left_FAILED.md", "command_sky_FAILED.md", "command_sum_SUCCEED.md"]
    assert verdicts_and_triage(folder) == outcomes


def test_a_run_goes_on_and_another_program_is_another_run(folder: Path) -> None:
    first = program(folder, "none", cases=CaseChoice(instance_ids=("sum",)))
    asyncio.run(session.run(first))
    done = asyncio.run(session.run(program(folder, "none")))
    assert done.runs[0].kept == 1
    recorded = json.loads((folder / "run/outputs/run.json").read_text())["settings"]
    assert (recorded["domain"], recorded["harness"]) == (DOMAIN, "command")
    changed = program(folder, "none")
    (folder / "agent.py").write_text(f"{PROGRAM}\n# other words")
    with pytest.raises(ContractError, match="other settings"):
        asyncio.run(session.run(changed))


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [
        ("no-such-program-here", "crash", "exit code 127"),
        ("sleep 30", "deadline", "not done after 1 s"),
        ("false", "completed", "exit code 1"),
    ],
)
def test_how_a_program_ended_is_told_by_what_happened(
    folder: Path, command: str, status: str, why: str
) -> None:
    agent = AgentSettings(
        harness="command", agent="cli_only", command=command, case_timeout=1.0, sandbox="none"
    )
    chosen = CaseChoice(instance_ids=("sum",))
    done = asyncio.run(session.run(settings(folder, agent, cases=chosen)))
    assert results(done)["sum"].status == status
    assert done.owed == (status == "crash")
    assert re.search(rf"missing    1 x .*{why}", done.table())


def test_the_built_in_agent_works_on_any_benchmark(folder: Path) -> None:
    (folder / "skills/plain").mkdir(parents=True)
    (folder / "skills/plain/SKILL.md").write_text("---\nname: plain\n---\nSAY FIVE\n")

    def handler(body: dict[str, Any]) -> Any:
        asked = sum(m["role"] == "assistant" for m in body["messages"])
        return reply(bash("echo 5 > answer.txt") if asked == 0 else DONE)

    async def session_of() -> Session:
        async with StubServer(handler) as server:
            agent = AgentSettings(skills_dir=folder / "skills")
            model = ModelSettings(model="m", base_url=server.url, api_key="EMPTY")
            done = await session.run(settings(folder, agent, model=model))
            first = server.bodies[0]["messages"]
            assert "SAY FIVE" in first[0]["content"]
            assert "Answer the question" in first[1]["content"]
            return done

    done = asyncio.run(session_of())
    assert [one.success for one in results(done).values()] == [True] * len(ANSWERS)
    assert verdicts_and_triage(folder)["sum"] == "solved"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"domain": "nothing"}, "--domain 'nothing' is not known; there are spreadsheetbench"),
        ({"domain": "no.such:thing"}, "no module no"),
        ({"domain": "tinyqa:absent"}, "tinyqa has no absent"),
        ({"agent": AgentSettings(harness="x")}, "--harness 'x' is not known"),
        ({"agent": AgentSettings(harness="command")}, "needs --command"),
        ({"agent": AgentSettings(agent="x")}, "--agent x: there are cli_only"),
        ({"agent": AgentSettings()}, "brings no skill; give --skills_dir"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, changes: dict[str, Any], complaint: str) -> None:
    chosen = {"domain": DOMAIN, "agent": AgentSettings(agent="cli_only"), **changes}
    with pytest.raises(ContractError, match=complaint):
        asyncio.run(
            session.run(Rollouts(data_path=data(folder), output_dir=folder / "o", **chosen))
        )


def test_rules_of_one_benchmark_are_not_taken_for_anothers(folder: Path) -> None:
    (folder / "o").mkdir()
    scoring = Scoring(
        data_path=data(folder),
        domain=DOMAIN,
        output_dir=folder / "o",
        rules=BookScoring(rules="upstream"),
    )
    with pytest.raises(ContractError, match="are of spreadsheetbench"):
        asyncio.run(stage.run(scoring))


def test_the_commands_take_the_names(folder: Path) -> None:
    """As a user types them, with a domain of one's own on PYTHONPATH."""
    import os
    import subprocess

    root = ROOT
    given = program(folder, "none")
    common = ["--data_path", str(given.data_path), "--domain", DOMAIN]
    outputs = str(given.output_dir)
    commands = [
        [
            *("run_spreadsheetbench.py", *common, "--output_dir", outputs, "--agent", "cli_only"),
            *("--harness", "command", "--command", str(given.agent.command), "--sandbox", "none"),
        ],
        ["evaluate_with_official.py", *common, "--output_dir", outputs],
        ["analyze_results.py", "--eval_results", f"{outputs}/eval_official_results.json"],
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "helpers")}
    environment.pop("OPENAI_API_KEY", None)
    for argv in commands:
        ended = subprocess.run(
            [sys.executable, *argv], cwd=root, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "solved 1 of the 3" in ended.stdout
