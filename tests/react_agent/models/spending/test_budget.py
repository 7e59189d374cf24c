"""Caps: never a call above them, over starts and stages, and nothing that was paid is lost."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from calls import BODY, KEY, QUICK
from commands import TASKS, Commands, bash, with_server
from evolution_commands import author_server, command
from evolution_commands import environment as evolution_environment
from evolving import make_records, make_skill
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_server import StubServer, refusal, reply

from react_agent.engines.queue import work_queue
from react_agent.errors import (
    BudgetReached,
    ContractError,
    EndpointDown,
    EndpointRefused,
    InfrastructureError,
)
from react_agent.flags import parser_of, read
from react_agent.layout import BUDGET
from react_agent.model import Body, Message, Reply, Usage
from react_agent.models.connect import Connection
from react_agent.models.providers.anthropic_messages import read_counts
from react_agent.models.providers.openai_compatible import read_usage
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.budget import IMAGE_TOKENS, Budget, Capped, read_spent
from react_agent.models.spending.prices import Price, Prices
from react_agent.models.spending.settings import BudgetSettings

SAID = [Message(role="user", content="hi")]


class Endpoint:
    """Answers after a moment, and counts."""

    def __init__(self, *, prompt: int = 10, completion: int = 5) -> None:
        self.sent = 0
        self.usage = Usage(calls=1, prompt_tokens=prompt, completion_tokens=completion)

    async def send(self, body: Body) -> Reply:
        self.sent += 1
        await asyncio.sleep(0.001)
        return Reply(text="ok", usage=self.usage)


def budget(path: Path, prices: Prices | None = None, **caps: Any) -> Budget:
    return Budget(path / BUDGET, BudgetSettings(**caps), prices or Prices())


def ask_many(transport: Capped, count: int) -> int:
    """How many of so many calls at once got a reply."""

    async def run() -> int:
        calls = (transport.send(BODY) for _ in range(count))
        replies = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(r, Reply | BudgetReached) for r in replies)
        return sum(isinstance(r, Reply) for r in replies)

    return asyncio.run(run())


def test_calls_never_pass_their_cap_over_several_starts(tmp_path: Path) -> None:
    endpoint = Endpoint()
    for cap, got in ((5, 5), (5, 0), (8, 3), (3, 0), (9, 1)):
        assert ask_many(Capped(endpoint, budget(tmp_path, max_calls=cap)), 7) == got
        assert endpoint.sent <= max(cap, 8)
    assert endpoint.sent == 9 == read_spent(tmp_path / BUDGET).usage().calls


def test_two_processes_share_one_count(tmp_path: Path) -> None:
    one, two = budget(tmp_path, max_calls=3), budget(tmp_path, max_calls=3)
    for turn in (one, two, one):
        turn.reserve(BODY)
    for turn in (one, two):
        with pytest.raises(BudgetReached, match="3 calls"):
            turn.reserve(BODY)


def test_tokens_and_dollars_are_checked_before_a_call(tmp_path: Path) -> None:
    prices = Prices(models={"m": Price(prompt=1e6, reply=2e6, cached_prompt=0)})  # $1, $2 a token
    endpoint = Endpoint(prompt=10, completion=5)
    by_tokens = Capped(endpoint, budget(tmp_path / "tokens", max_tokens=31))
    assert [ask_many(by_tokens, 1) for _ in range(4)] == [1, 1, 0, 0]
    by_cost = Capped(endpoint, budget(tmp_path / "cost", prices, max_cost=41.0))
    assert [ask_many(by_cost, 1) for _ in range(4)] == [1, 1, 0, 0]
    spent = read_spent(tmp_path / "cost" / BUDGET)
    assert prices.cost(spent.by_model()) == 2 * (10 + 2 * 5)


@pytest.mark.parametrize(
    ("prices", "dollars"),
    [
        ({}, 100 + 2 * 7),
        ({"cached_prompt": 0}, 40 + 2 * 7),
        ({"cached_prompt": 0.5e6}, 40 + 0.5 * 60 + 2 * 7),
        ({"cached_prompt": 0.5e6, "written_prompt": 3e6}, 10 + 0.5 * 60 + 3 * 30 + 2 * 7),
    ],
)
def test_each_kind_of_token_has_its_own_price(prices: dict[str, float], dollars: float) -> None:
    used = Usage(prompt_tokens=100, cached_tokens=60, written_tokens=30, completion_tokens=7)
    assert Price(prompt=1e6, reply=2e6, **prices).of(used) == pytest.approx(dollars)


def test_a_model_without_a_price_stops_a_cap_in_dollars_also_later(tmp_path: Path) -> None:
    """Another stage shares the file, has no such cap, and asks a model that has no price."""
    prices = Prices(models={"m": Price(prompt=1e6, reply=2e6)})
    capped = budget(tmp_path, prices, max_cost=1e9)
    capped.check_prices("m")
    capped.reserve(BODY)
    budget(tmp_path).note("unpriced", 10)
    with pytest.raises(ContractError, match="no price is known for unpriced"):
        capped.reserve(BODY)
    assert read_spent(tmp_path / BUDGET).usage().calls == 2


def test_a_call_that_was_cut_off_stays_with_its_estimate(tmp_path: Path) -> None:
    class Down:
        async def send(self, body: Body) -> Reply:
            raise InfrastructureError("no reply")

    class Refusing:
        async def send(self, body: Body) -> Reply:
            raise EndpointRefused("wrong key")

    long = {"model": "m", "messages": [{"role": "user", "content": "x" * 300}]}
    kept = budget(tmp_path, max_calls=9)
    with pytest.raises(InfrastructureError):
        asyncio.run(Capped(Down(), kept).send(long))
    kept.reserve(long)  # and the process is killed
    assert budget_usage(tmp_path) == (2, 200)
    with pytest.raises(EndpointRefused):
        asyncio.run(Capped(Refusing(), kept).send(long))
    assert budget_usage(tmp_path) == (3, 200)


def test_an_image_counts_by_itself_and_not_by_the_length_of_its_bytes(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 90_000}"}}
    content = [{"type": "text", "text": "x" * 300}, image, image]
    shown = {"model": "m", "messages": [{"role": "user", "content": content}]}
    budget(tmp_path, max_calls=9).reserve(shown)
    assert budget_usage(tmp_path) == (1, 100 + 2 * IMAGE_TOKENS)


@pytest.mark.parametrize(("sent", "counted"), [(False, (0, 0)), (True, (1, 0))])
def test_a_call_that_an_outage_kept_from_being_sent_is_not_counted(
    tmp_path: Path, sent: bool, counted: tuple[int, int]
) -> None:
    class Down:
        async def send(self, body: Body) -> Reply:
            stop = EndpointDown("down for 900 s")
            stop.sent = sent
            raise stop

    with pytest.raises(EndpointDown):
        asyncio.run(Capped(Down(), budget(tmp_path, max_calls=9)).send(BODY))
    assert budget_usage(tmp_path) == counted


def budget_usage(path: Path) -> tuple[int, int]:
    usage = read_spent(path / BUDGET).usage()
    return usage.calls, usage.tokens


def test_a_line_torn_by_a_kill_costs_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    budget(tmp_path, max_calls=9).reserve(BODY)
    with (tmp_path / BUDGET).open("ab") as file:
        file.write(b'{"call": "torn", "mod')
    again = budget(tmp_path, max_calls=2)
    again.reserve(BODY)
    with pytest.raises(BudgetReached):
        again.reserve(BODY)
    assert read_spent(tmp_path / BUDGET).usage().calls == 2


def test_an_endpoint_that_counts_nothing_is_counted_by_its_text(tmp_path: Path) -> None:
    class Uncounted:
        async def send(self, body: Body) -> Reply:
            return Reply(text="x" * 300, usage=Usage(calls=1))

    asyncio.run(Capped(Uncounted(), budget(tmp_path, max_calls=1)).send(BODY))
    assert budget_usage(tmp_path) == (1, 100)


def test_a_queue_lets_what_is_in_flight_finish() -> None:
    ended: list[int] = []

    async def work(number: int) -> int:
        if number == 2:
            raise BudgetReached("the cap")
        await asyncio.sleep(0.02)
        ended.append(number)
        return number

    with pytest.raises(BudgetReached):
        asyncio.run(work_queue(work, range(10), workers=3))
    assert sorted(ended) == [0, 1]


# ---- from flags ------------------------------------------------------------


def from_flags(server: StubServer, *argv: str) -> Any:
    live = ["--base_url", server.url, "--api_key", KEY, "--model", "m"]
    args = parser_of(ModelSettings, "x").parse_args([*live, *argv])
    return Connection(read(ModelSettings, args), policy=QUICK)


def test_what_the_cache_answers_is_not_spent(tmp_path: Path) -> None:
    ledger = ["--budget", str(tmp_path / "b.jsonl"), "--max_calls", "1"]

    async def run() -> None:
        async with StubServer(reply("ok")) as server:
            for _ in range(3):
                cached = ["--reply_cache", str(tmp_path / "cache"), *ledger]
                async with from_flags(server, *cached) as connection:
                    assert (await connection.model().reply(SAID)).text == "ok"
            assert len(server.bodies) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--max_calls", "1"], "give --budget FILE"),
        (["--budget", "B", "--max_cost", "1"], "no price is known for m"),
        (["--budget", "B", "--prices", "nowhere.json"], "nowhere.json: no such file"),
    ],
)
def test_what_cannot_be_counted_is_refused(argv: list[str], says: str, tmp_path: Path) -> None:
    argv = [str(tmp_path / "b.jsonl") if a == "B" else a for a in argv]
    with pytest.raises(ContractError, match=says):
        from_flags(StubServer(None, url="http://127.0.0.1:9/v1"), *argv)


def test_prices_come_from_the_file_or_the_flag() -> None:
    usage = {"gpt-4o": Usage(prompt_tokens=10**6, completion_tokens=10**6, cached_tokens=10**6)}
    assert Prices.load("config/prices.json").cost(usage) == 1.25 + 10
    assert Prices.load("1,2").cost(usage) == 3
    assert Prices.load("config/prices.json").cost({"unknown": Usage()}) is None


# ---- whole stages ----------------------------------------------------------


def two_turns(body: dict[str, Any]) -> Any:
    asked = sum(m["role"] == "assistant" for m in body["messages"])
    return reply(bash("cp input.xlsx output.xlsx") if asked == 0 else "ACTION: TASK_COMPLETE")


def test_rollouts_stop_at_the_cap_and_go_on_with_a_higher_one(tmp_path: Path) -> None:
    async def steps(commands: Commands) -> None:
        cache = ["--reply_cache", str(tmp_path / "cache")]
        for cap in (3, 3, 7):
            code, said = await commands.rollouts("--max_calls", str(cap), *cache)
            assert code == 1, said
            assert f"the cap of {cap} calls is reached" in said
            assert "Traceback" not in said
            assert len(commands.server.bodies) == cap
        statuses = Counter(line["status"] for line in commands.lines())
        assert set(statuses) == {"completed"}  # what was cut off is owed, not failed
        code, said = await commands.rollouts("--max_calls", str(2 * TASKS), *cache)
        assert code == 0, said
        asked = [json.dumps(body, sort_keys=True) for body in commands.server.bodies]
        assert len(asked) == len(set(asked)) == 2 * TASKS

    with_server(two_turns, tmp_path, steps)


def test_an_evolution_stops_at_the_cap_and_goes_on(tmp_path: Path) -> None:
    skill, records = make_skill(tmp_path), make_records(tmp_path / "records.json", 5)
    seen: list[str] = []

    async def start(url: str, cap: int) -> tuple[int | None, str]:
        flags = ["--max-calls", str(cap), "--budget", str(tmp_path / BUDGET)]
        process = await asyncio.create_subprocess_exec(
            *command(skill, records),
            *flags,
            env=evolution_environment(url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def run() -> None:
        async with author_server(seen, lambda role, number: None) as server:
            before = (skill / "SKILL.md").read_text()
            for cap in (2, 6):
                code, said = await start(server.url, cap)
                assert code == 1
                assert f"stopped: the cap of {cap} calls is reached" in said
                assert len(server.bodies) == cap
                assert (skill / "SKILL.md").read_text() == before
            code, said = await start(server.url, 50)
            assert code == 0, said
            assert (skill / "SKILL.md").read_text() != before
        assert len(seen) == len(set(seen))

    asyncio.run(run())


def test_analysts_stop_at_the_cap_and_owe_the_rest(tmp_path: Path) -> None:
    async def steps(commands: Commands) -> None:
        await commands.rollouts()
        verdicts = ["--data_path", "data/mini", "--output_dir", str(commands.outputs)]
        await commands.run("evaluate_with_official.py", *verdicts, "--end_idx", str(TASKS))
        evaluated = ["--eval_results", str(commands.outputs / "eval_official_results.json")]
        await commands.run("analyze_results.py", *evaluated, "--log_dir", str(commands.logs))
        before = len(commands.server.bodies)
        for cap in (2, 3):
            code, said = await commands.run(
                "analysis/run_error_analysis_llm.py",
                *("--logs_dir", str(commands.logs), "--output_dir", str(tmp_path / "lessons")),
                *("--model", "m", "--max_calls", str(cap)),
            )
            assert code == 1, said
            assert "are still owed" in said
            assert len(commands.server.bodies) == before + cap

    with_server(two_turns, tmp_path, steps)


def test_a_refused_key_still_stops_everything(tmp_path: Path) -> None:
    async def steps(commands: Commands) -> None:
        code, said = await commands.rollouts("--max_calls", "50")
        assert code == 2, said
        assert len(commands.server.bodies) <= 4

    with_server(lambda body: refusal(401), tmp_path, steps)


COUNTS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), "7", None, True])
NAMES = ["prompt_tokens", "completion_tokens", "cached_tokens", "input_tokens", "output_tokens"]
NAMES += ["cache_read_input_tokens", "cache_creation_input_tokens"]
COUNTED = st.dictionaries(st.sampled_from(NAMES), COUNTS)


@settings(max_examples=300, database=None)
@given(COUNTED, COUNTED)
def test_no_count_of_an_endpoint_is_paid_with_less_than_nothing(usage: Any, details: Any) -> None:
    """A cap that such a count took back would never be reached."""
    price = Price(prompt=2.0, reply=8.0, cached_prompt=0.5, written_prompt=2.5)
    usage = {**usage, "prompt_tokens_details": details}
    for counts in (read_usage, read_counts):
        found = counts(usage)
        assert 0 <= price.of(found) < float("inf")
        assert found.cached_tokens + found.written_tokens <= found.prompt_tokens


def test_tokens_may_be_counted_in_floats() -> None:
    found = read_usage({"prompt_tokens": 100.0, "completion_tokens": 10.0})
    assert (found.prompt_tokens, found.completion_tokens) == (100, 10)
