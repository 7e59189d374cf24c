"""One scripted task through every client that is installed here, the real one: what a harness owes.

Clients are looked for in `.clients` (see the Makefile), in the folder of TRACE2SKILL_CLIENTS, and
on the PATH.
"""

import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from clientplace import KEY, WORDS, Place
from project import ROOT, clients_folder
from scripted_endpoint import Fail, OpenSkill, Run, Say, ScriptedEndpoint, Turn

from react_agent.errors import BudgetReached, ContractError
from react_agent.harnesses.equipment import AgentKind, Choice, SkillOffer
from react_agent.layout import REQUESTS
from react_agent.models.spending.settings import BudgetSettings
from react_agent.registry import HARNESSES, find
from react_agent.seams import Trajectory
from react_agent.skills import Skill

CLIENTS = ("claude-code", "codex", "qwen-code", "opencode", "mini-swe-agent", "deepagents")
STARTS = {"opencode": 15.0, "qwen-code": 9.0, "mini-swe-agent": 15.0, "deepagents": 15.0}
"""Seconds until a client has surely run its first command, on a busy machine."""


@pytest.fixture(params=CLIENTS)
def kind(request: Any, monkeypatch: Any) -> Callable[..., AgentKind]:
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", clients_folder())

    def choose(offer: SkillOffer | None = None, agent: str = "with_skill") -> AgentKind:
        choice = Choice(agent, skill_offer=offer)
        try:
            found: AgentKind = find(HARNESSES, "--harness", request.param)(choice)
        except ContractError as error:
            pytest.skip(str(error))
        return found

    return choose


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def script(*turns: Turn) -> dict[str, Sequence[Turn]]:
    return {"": turns}


def said(trajectory: Trajectory) -> str:
    return "\n".join(message.text for message in trajectory.messages)


def test_a_task_is_done_counted_and_told(kind: Any, place: Place, tmp_path: Path) -> None:
    chosen = kind()
    native = chosen.client.skills
    # What lies with a skill may be copied and changed: it is the case's own.
    own = f"echo mine >> {native}/adding/SKILL.md; cp -r {native}/adding own; rm -r own; "
    total = "echo 3 > total.txt; echo the total is $(cat total.txt)"
    work = Run(f"env; {own if native else ''}{total}")
    turns = [OpenSkill("adding", native)] if native else []
    with ScriptedEndpoint(script(*turns, work, _last(chosen))) as end:
        done = place.run(chosen, end)
    assert (done.status, done.error) == ("completed", "")
    assert (place.folder / "total.txt").read_text() == "3\n"
    assert work.command.partition(";")[2] in said(done)
    assert "the total is 3" in said(done)
    assert place.skill.digest == Skill.load(place.skill.root).digest
    assert WORDS in said(done)
    # Each answer counted other tokens than the one before.
    usage = done.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (end.sent["input"], end.sent["output"])
    assert (usage.cached_tokens, usage.calls) == (end.sent["cached"], len(end.asked))
    assert done.rows["skill_offer"] == ("native" if native else "preloaded")
    if native:
        assert done.rows["skill_opened"] is True
        assert "ADD-THEM-UP" in str(end.asked[1].body)
        opening = done.messages[int(done.rows["skill_opened_in_message"]) - 1].text
        assert "skill" in opening.lower()
    assert re.search(r"\d+\.\d+", done.rows["client"])
    # The real key reached the endpoint, and nothing else.
    assert all(KEY in str(one.headers) for one in end.asked)
    assert KEY not in said(done)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert {path.name for path in place.folder.iterdir()} == {"numbers.txt", "total.txt"}
    record = place.records / REQUESTS / "case.jsonl"
    assert len(record.read_text().splitlines()) == usage.calls


def _last(kind: Any) -> Turn:
    """Some know no other end than a command."""
    submits = kind.name == "mini-swe-agent"
    return Run("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT") if submits else Say("Done.")


def test_an_endpoint_that_fails_is_not_the_agents_doing(kind: Any, place: Place) -> None:
    with ScriptedEndpoint(script(Fail(500))) as end:
        done = place.run(kind("preloaded"), end, seconds=60)
    assert done.status == "infrastructure"
    assert "scripted failure" in done.error
    assert "ADD-THEM-UP" in str(end.asked[0].body)
    assert "skill_opened" not in done.rows


def test_the_deadline_ends_all_that_was_started(kind: Any, place: Place) -> None:
    length = f"3{uuid.uuid4().int % 10**6:06d}"
    quiet = f"(setsid sleep {length} >/dev/null 2>&1 &) ; sleep {length}"
    chosen = kind(agent="cli_only")
    for times in (1, 4):  # a busy machine may not have come to the command
        # A client with a limit of its own for a command is told to run it again.
        with ScriptedEndpoint(script(Run(quiet))) as end:
            done = place.run(chosen, end, seconds=times * STARTS.get(chosen.name, 5.0))
        assert done.status == "deadline"
        if end.asked:
            break
    left = [p for p in psutil.process_iter(["cmdline"]) if length in (p.info["cmdline"] or [])]
    assert not left
    assert end.asked


def test_what_forbids_all_further_calls_ends_the_run(kind: Any, place: Place) -> None:
    endless = script(*[Run(f"echo {n}") for n in range(9)], Say("Done."))
    with ScriptedEndpoint(endless) as end:
        with pytest.raises(BudgetReached, match="2 calls"):
            place.run(kind(agent="cli_only"), end, budget=BudgetSettings(max_calls=2))
        assert len(end.asked) == 2


def test_an_agent_of_ones_own_making(place: Place, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", clients_folder())
    own = tmp_path / "my_agent.py"
    own.write_text(
        "from deepagents import create_deep_agent\n\n"
        "def agent(model, skills, backend):\n"
        "    told = 'Check the sum twice.'\n"
        "    return create_deep_agent(model=model, backend=backend, system_prompt=told)\n"
    )
    choose = find(HARNESSES, "--harness", "deepagents")
    with pytest.raises(ContractError, match=r"FILE\.py:FUNCTION|not installed"):
        choose(Choice("cli_only", command="nowhere.py"))
    try:
        kind = choose(Choice("cli_only", command=f"{own}:agent"))
    except ContractError as error:
        pytest.skip(str(error))
    with ScriptedEndpoint(script(Run("echo 3 > total.txt"), Say("Done."))) as end:
        done = place.run(kind, end)
    assert (done.status, done.error) == ("completed", "")
    assert "Check the sum twice." in str(end.asked[0].body)
    assert (place.folder / "total.txt").read_text() == "3\n"


def test_the_page_tells_of_every_client() -> None:
    page = (ROOT / "docs/bring_your_agent.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w[\w-]*)` \|", page, re.MULTILINE))
    assert told == {*HARNESSES} >= {*CLIENTS}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_that_is_not_here_is_said_to_be_missing(
    name: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ContractError, match=r"not installed: (npm|pip) install .*TRACE2SKILL"):
        find(HARNESSES, "--harness", name)(Choice("cli_only"))


def test_turns_are_bounded(kind: Any, place: Place) -> None:
    endless = script(*[Run(f"echo {n}") for n in range(9)], Say("Done."))
    with ScriptedEndpoint(endless) as end:
        done = place.run(kind(agent="cli_only"), end, max_turns=2)
    assert done.status == "out_of_turns"
    assert len(end.asked) <= 2
