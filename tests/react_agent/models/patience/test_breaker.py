"""An endpoint that is down is waited for; one that only fails is not taken for one that is down."""

import asyncio
import itertools
import logging
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calls import BODY, KEY, SIX
from commands import TASKS, Commands, copying_agent, with_server
from evolution_commands import author_server, command
from evolution_commands import environment as evolution_environment
from evolving import make_records, make_skill
from measuring.clock import simulated
from simulated_calls import Client, Server
from stub_server import StubServer, at_random, refusal, reply

from react_agent.engines.queue import WorkOutcome, work_queue
from react_agent.errors import EndpointDown
from react_agent.models.patience.deadlines import now
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.opening import Patience


def mentions(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    found = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    return [line for line in found if words in line]


async def queue(endpoint: OpenAIEndpoint, calls: int, workers: int) -> list[WorkOutcome[int, Any]]:
    return await work_queue(lambda _: endpoint.send(BODY), range(calls), workers=workers)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_server_that_is_away_for_two_seconds_loses_nothing(
    workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(body: dict[str, Any]) -> Any:
        await asyncio.sleep(0.01)
        return reply("hello")

    async def run() -> None:
        policy = RetryPolicy(first_wait=0.01, longest_wait=0.1, first_probe=0.2)
        async with StubServer(answer) as server:
            limiter = Limiter(workers)
            async with OpenAIEndpoint(
                server.url, KEY, Patience(policy=policy, limiter=limiter)
            ) as endpoint:
                running = asyncio.create_task(queue(endpoint, 30 * workers, workers))
                await server.until(lambda: len(server.bodies) > 10 * workers)
                await server.down()
                await asyncio.sleep(2.0)
                assert endpoint.stats.trouble == {"endpoint": "down"}
                assert "endpoint down" in str(endpoint.stats)
                await server.up()
                outcomes = await running
        assert [o.value.text for o in outcomes if o.value] == ["hello"] * 30 * workers
        assert endpoint.stats.given_up == 0
        assert endpoint.stats.trouble == {}

    asyncio.run(run())
    (down,) = mentions(caplog, "is down since")
    assert "next probe in 0.2 s" in down
    assert len(mentions(caplog, "is back after")) == 1


def nothing_is_lost(faults: dict[str, tuple[float, Any]], calls: int, patience: Patience) -> None:
    """Nor is the endpoint taken for one that is down."""

    async def run() -> None:
        waits = replace(patience, limiter=Limiter(16))
        async with StubServer(at_random(reply("hello"), faults, seed=5)) as server:
            async with OpenAIEndpoint(server.url, KEY, waits) as endpoint:
                outcomes = await queue(endpoint, calls, 16)
                assert all(o.value for o in outcomes)
                assert endpoint.breaker.outages == 0

    asyncio.run(run())


@pytest.mark.parametrize("kind", SIX)
def test_a_fault_of_one_try_in_five_opens_nothing_and_loses_nothing(kind: str) -> None:
    policy = RetryPolicy(first_wait=0.001, longest_wait=0.02)
    nothing_is_lost({kind: (0.2, SIX[kind])}, 160, Patience(timeout=0.5, policy=policy))


def test_a_server_that_takes_four_at_once_fails_none_of_64() -> None:
    async def busy(body: dict[str, Any]) -> Any:
        if server.in_flight > 4:
            return refusal(429)
        await asyncio.sleep(0.02)
        return reply("hello")

    server = StubServer(busy)

    async def run() -> None:
        policy = RetryPolicy(first_wait=0.01, longest_wait=0.2)
        async with server:
            limiter = Limiter(64)
            async with OpenAIEndpoint(
                server.url, KEY, Patience(policy=policy, limiter=limiter)
            ) as endpoint:
                outcomes = await queue(endpoint, 400, 64)
                assert all(o.value for o in outcomes)
                assert limiter.window <= 16
                assert "in flight" in endpoint.stats.trouble
                assert len(server.bodies) < 400 + 1600

    asyncio.run(run())


def test_all_faults_at_once_open_nothing() -> None:
    policy = RetryPolicy(attempts=400, first_wait=0.001, longest_wait=0.02)
    faults = {kind: (0.16, fault) for kind, fault in SIX.items()}
    nothing_is_lost(faults, 16, Patience(timeout=0.1, policy=policy))


def down_between(start: float, end: float, server: Server) -> Callable[[float], Any]:
    async def attempt(seconds: float) -> str:
        if start <= now() < end:
            server.arrivals.append(now())
            raise Fault("connection", "refused", unreachable=True)
        return await server.attempt(seconds)

    return attempt


@pytest.mark.parametrize("workers", [1, 16, 128])
def test_an_outage_uses_up_no_patience_and_is_probed_ever_less_often(workers: int) -> None:
    async def play() -> None:
        server = Server()
        client = Client(server, cap=workers, policy=RetryPolicy(attempts=6, seconds=9.0))
        server.attempt = down_between(10.0, 810.0, Server())  # type: ignore[method-assign]
        probes: list[float] = []
        let_one = client.limiter.let_one
        client.limiter.let_one = lambda: (probes.append(now()), let_one())  # type: ignore
        await client.work(workers, 20 * workers)
        assert client.stats.given_up == 0
        gaps = [round(b - a, 3) for a, b in itertools.pairwise(probes)]
        assert gaps == sorted(gaps)
        assert len(probes) < 25
        assert 810 < now() < 810 + 60 + 60

    random.seed(2)
    simulated(play())


@pytest.mark.parametrize("workers", [8, 16])
def test_an_endpoint_that_falls_silent_is_known_by_the_first_timeouts(workers: int) -> None:
    """Connections are taken and nothing is answered, as by a process that was stopped."""

    async def play() -> None:
        sound, seen = Server(), Server()

        async def attempt(seconds: float) -> str:
            seen.arrivals.append(now())
            if 10.0 <= now() < 800.0:
                await asyncio.sleep(seconds)
                raise Fault("timeout", "no whole reply")
            return await sound.attempt(seconds)

        client = Client(seen, cap=workers)
        seen.attempt = attempt  # type: ignore[method-assign]
        await client.work(workers, 20 * workers)
        assert client.stats.given_up == 0
        assert client.breaker.outages == 1
        assert len([at for at in seen.arrivals if 200.0 < at < 800.0]) < 20

    simulated(play())


def test_a_run_with_an_endpoint_that_stays_away_is_stopped() -> None:
    async def play() -> None:
        client = Client(Server(), cap=8, policy=RetryPolicy(max_downtime=300.0))
        client.server.attempt = down_between(10.0, math.inf, Server())  # type: ignore
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(5000):
                await client.work(8, 800)
        errors = caught.value.exceptions
        assert {type(error) for error in errors} == {EndpointDown}
        assert "endpoint http://there down for 300 s (refused)" in str(errors[0])
        assert 310 <= now() < 320
        with pytest.raises(EndpointDown):
            await client.call()

    simulated(play())


def test_a_server_that_refuses_everything_for_ever_stops_the_run_too() -> None:
    async def play() -> None:
        client = Client(Server(capacity=0), cap=4, policy=RetryPolicy(max_downtime=300.0))
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(5000):
                await client.work(4, 40)
        assert "has refused everything" in str(caught.value.exceptions[0])
        assert now() < 600

    simulated(play())


# ---- whole stages ----------------------------------------------------------


def test_rollouts_stop_when_the_endpoint_stays_down_and_go_on(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        def vanishing(body: dict[str, Any]) -> Any:
            if len(user.server.bodies) == 6:
                leaving.append(asyncio.ensure_future(user.server.down()))
            return copying_agent(body)

        leaving: list[Any] = []
        user.server.handler = vanishing
        code, said = await user.rollouts("--max-downtime", "1")
        assert code == 1, said
        assert "is down since" in said
        assert "next probe in 1 s" in said
        assert f"endpoint {user.server.url}/chat/completions down for 1 s" in said
        assert "run the same command again to go on" in said
        assert "Traceback" not in said
        assert {line["status"] for line in user.lines()} <= {"completed"}
        before = len(user.lines())
        assert before < TASKS
        await user.server.up()
        user.server.handler = copying_agent
        code, said = await user.rollouts()
        assert code == 0, said
        assert len(user.lines()) == TASKS

    with_server(copying_agent, tmp_path, steps)


def test_an_evolution_stops_when_the_endpoint_stays_down_and_goes_on(tmp_path: Path) -> None:
    skill, records = make_skill(tmp_path), make_records(tmp_path / "records.json", 5)
    seen: list[str] = []

    async def run() -> None:
        async def start(*flags: str) -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                *command(skill, records),
                *flags,
                env=evolution_environment(server.url),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            return process.returncode, said.decode()

        leaving: list[Any] = []

        def on_call(role: str, number: int) -> None:
            if len(server.bodies) == 3:
                leaving.append(asyncio.ensure_future(server.down()))

        async with author_server(seen, on_call) as server:
            before = (skill / "SKILL.md").read_text()
            code, said = await start("--max-downtime", "1")
            assert code == 1, said
            assert f"stopped: endpoint {server.url}/chat/completions down for 1 s" in said
            assert "started again the run goes on" in said
            assert (skill / "SKILL.md").read_text() == before
            await server.up()
            code, said = await start()
            assert code == 0, said
            assert (skill / "SKILL.md").read_text() != before

    asyncio.run(run())


def test_analysts_stop_when_the_endpoint_stays_down_and_owe_the_rest(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        await user.rollouts()
        data = ["--data_path", "data/mini", "--output_dir", str(user.outputs)]
        await user.run("evaluate_with_official.py", *data, "--end_idx", str(TASKS))
        verdicts = ["--eval_results", str(user.outputs / "eval_official_results.json")]
        await user.run("analyze_results.py", *verdicts, "--log_dir", str(user.logs))
        await user.server.down()
        lessons = tmp_path / "lessons"
        code, said = await user.run(
            "analysis/run_error_analysis_llm.py",
            *("--logs_dir", str(user.logs), "--output_dir", str(lessons)),
            *("--model", "m", "--max_downtime", "0.5"),
        )
        assert code == 1, said
        assert f"stopped: endpoint {user.server.url}/chat/completions down for" in said
        assert f"{TASKS} cases are still owed" in said
        assert not list(lessons.glob("error_analysis_*.json"))
        await user.server.up()

    with_server(copying_agent, tmp_path, steps)


def test_a_run_stops_when_its_time_is_over_and_goes_on(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        async def slow(body: dict[str, Any]) -> Any:
            await asyncio.sleep(0.0 if len(user.server.bodies) <= 4 else 4.0)
            return copying_agent(body)

        user.server.handler = slow
        code, said = await user.rollouts("--max_runtime", "4", "--workers", "1")
        assert code == 1, said
        assert "the 4 s of --max_runtime are over; run the same command again to go on" in said
        started = (user.outputs / "results.jsonl").exists()  # a busy machine may need 4 s for less
        ended = user.lines() if started else []
        assert {line["status"] for line in ended} <= {"completed"}
        assert len(ended) < TASKS
        user.server.handler = copying_agent
        code, said = await user.rollouts("--workers", "1")
        assert code == 0, said

    with_server(copying_agent, tmp_path, steps)
