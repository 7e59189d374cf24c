"""What ends an attempt, a case, a run: and what time counts, and what is tried once more."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import DONE, TASKS, Commands, bash, copying_agent, task_of, with_server
from hypothesis import given
from hypothesis import strategies as st
from measuring.clock import simulated
from measuring.function_model import FunctionModel
from simulated_calls import Client, Server
from stub_server import refusal, reply

from react_agent.engines.queue import WorkOutcome, work_queue
from react_agent.loop.agent import ReActAgent, Tool
from react_agent.model import Message
from react_agent.models.patience.deadlines import KNOWN, SHORTEST, TIMES_SLOWEST, Pace, now
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.seams import Trajectory


@given(
    timeout=st.floats(0.1, 3600),
    seconds=st.lists(st.floats(0, 3600), max_size=60),
    hangs=st.integers(0, 12),
)
def test_the_timeout_of_an_attempt_is_never_near_a_reply(
    timeout: float, seconds: list[float], hangs: int
) -> None:
    pace = Pace(timeout)
    for value in seconds:
        pace.answered(value)
    limit = pace.limit(hangs)
    assert limit <= timeout
    if len(seconds) < KNOWN:
        assert limit == timeout
    else:
        assert limit == timeout or limit >= max(SHORTEST, TIMES_SLOWEST * max(seconds))
    assert pace.limit(30) == timeout  # a call that needs all of it gets it in the end


def test_a_hang_costs_less_once_the_endpoint_is_known() -> None:
    async def play() -> tuple[float, float]:
        client = Client(Server(), policy=RetryPolicy())
        for _ in range(KNOWN):
            await client.call()
        hangs = [True] * 5

        async def attempt(seconds: float) -> str:
            await asyncio.sleep(seconds if hangs else 1.0)
            if hangs:
                hangs.pop()
                raise Fault("timeout", "no reply")
            return "reply"

        client.server.attempt = attempt  # type: ignore[method-assign]
        started = now()
        await client.call()
        lasted = now() - started
        hangs += [True] * 1000
        started = now()
        with pytest.raises(Exception, match="gave up after"):
            await client.call()
        return lasted, now() - started

    (five, for_ever), _ = simulated(play())
    assert five < 2.5 * 600  # not 5 x 600, the endpoint's timeout
    assert for_ever < 4 * 600


# ---- a case ----------------------------------------------------------------


def played(client: Client, seconds: float, turns: int) -> Trajectory:
    async def policy(messages: Sequence[Message]) -> str:
        await client.call()
        asked = sum(m.role == "assistant" for m in messages)
        return f'Thought: {asked}\nAction:\n{{"name": "look", "arguments": {{}}}}'

    async def look() -> str:
        await asyncio.sleep(5.0)
        return "seen"

    agent = ReActAgent(
        FunctionModel(policy), [Tool("look", (), look)], max_turns=turns, seconds=seconds
    )
    return simulated(agent.run([Message(role="user", content="go")]))[0]


def test_a_case_ends_at_its_deadline_and_keeps_what_was_said() -> None:
    run = played(Client(Server(seconds=10.0)), 100.0, 50)
    assert run.status == "deadline"
    assert "100 s" in run.error
    assert 5 <= run.turns <= 12
    assert run.messages[-1].content.endswith("seen")


def test_time_that_the_endpoint_lost_is_not_the_cases() -> None:
    """Down for 800 s, then slow to accept a call: a limit of 100 s still holds 5 turns of 15 s."""

    class Troubled(Server):
        async def attempt(self, seconds: float) -> str:
            if 20 < now() < 820:
                raise Fault("connection", "refused", unreachable=True)
            if len(self.arrivals) % 2 == 0 and len(self.arrivals) < 20:
                self.arrivals.append(now())
                raise Fault("rate_limit", "HTTP 429", 40.0)
            return await super().attempt(seconds)

    run = played(Client(Troubled(seconds=10.0), cap=1), 100.0, 5)
    assert (run.status, run.turns) == ("out_of_turns", 5)


def test_a_deadline_is_the_agents_result_in_every_stage(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        async def slow(body: dict[str, Any]) -> Any:
            await asyncio.sleep(0.3)
            asked = sum(m["role"] == "assistant" for m in body["messages"])
            return reply(bash(f"cp input.xlsx output.xlsx; echo {asked}") if asked < 9 else DONE)

        user.server.handler = slow
        code, said = await user.rollouts("--case_timeout", "0.5")
        assert code == 0, said
        assert f"{TASKS} deadline" in said
        assert {line["status"] for line in user.lines()} == {"deadline"}
        data = ["--data_path", "data/mini", "--output_dir", str(user.outputs)]
        await user.run("evaluate_with_official.py", *data, "--end_idx", str(TASKS))
        verdicts = ["--eval_results", str(user.outputs / "eval_official_results.json")]
        code, said = await user.run("analyze_results.py", *verdicts, "--log_dir", str(user.logs))
        assert f"{TASKS} failed" in said
        user.server.handler = copying_agent
        code, said = await user.rollouts("--case_timeout", "900")
        assert code == 2
        assert "case_timeout: 0.5 -> 900" in said
        code, said = await user.rollouts("--case_timeout", "0.5")
        assert f"{TASKS} kept" in said

    with_server(copying_agent, tmp_path, steps)


# ---- once more -------------------------------------------------------------


@given(failing=st.dictionaries(st.integers(0, 19), st.integers(1, 3)), workers=st.integers(1, 6))
def test_what_may_be_repeated_is_repeated_once_and_last(
    failing: dict[int, int], workers: int
) -> None:
    tried: list[int] = []

    async def work(item: int) -> int:
        tried.append(item)
        await asyncio.sleep(item % 3)
        if tried.count(item) <= failing.get(item, 0):
            raise OSError(f"{item}")
        return item

    def again(outcome: WorkOutcome[int, int]) -> bool:
        return isinstance(outcome.error, OSError)

    done: list[int] = []
    queue = work_queue(
        work, range(20), workers=workers, again=again, done=lambda o: done.append(o.item)
    )
    outcomes, _ = simulated(queue)
    assert sorted(done) == [o.item for o in outcomes] == list(range(20))
    assert tried[:20] == list(range(20))
    assert Counter(tried[20:]) == Counter(failing.keys())
    assert {o.item for o in outcomes if o.error} == {i for i, n in failing.items() if n > 1}


def test_what_every_case_is_refused_for_stops_the_run(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--end_idx", "24")
        assert code == 1, said
        assert "cases in a row ended by infrastructure (HTTP 400: no such setting)" in said
        assert 8 <= len(user.server.bodies) <= 12

    with_server(lambda body: refusal(400, "no such setting"), tmp_path, steps)


def test_a_case_that_the_endpoint_ended_is_run_again_by_the_same_start(tmp_path: Path) -> None:
    unlucky = "901-3"
    met: list[str] = []

    def failing(body: dict[str, Any]) -> Any:
        if task_of(body) == unlucky and not met:
            met.append(unlucky)
            return refusal(422, "not now")
        return copying_agent(body)

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert code == 0, said
        assert met
        last = {line["id"]: line["status"] for line in user.lines()}
        assert list(last.values()) == ["completed"] * TASKS

    with_server(failing, tmp_path, steps)
