"""The reply cache: what is a hit, what never is, and what a hit costs."""

import asyncio
import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from counted import BODY, PAID, Counting, fill, with_cache

from react_agent.errors import ContractError, InfrastructureError
from react_agent.model import Reply, Usage
from react_agent.models.patience.retry import Stats
from react_agent.models.replay.cache import ReplyCache, open_cache


def test_a_hit_is_the_same_reply_for_nothing(tmp_path: Path) -> None:
    stats, inner = Stats(), Counting()
    first = with_cache(tmp_path, inner, lambda c: c.send(BODY), stats=stats)
    again = with_cache(tmp_path, inner, lambda c: c.send(dict(reversed(BODY.items()))), stats=stats)
    assert (first.text, first.cached, first.usage) == ("reply 1", False, PAID)
    assert (again.text, again.reasoning, again.cached) == ("reply 1", "r", True)
    assert again.usage == Usage()
    assert (inner.calls, stats.cache_hits) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 41},
        {"temperature": 1.0},
        {"model": "n"},
        {"stop": ["x"]},
        {"top_k": 1},
        {"messages": []},
    ],
)
def test_every_change_of_the_body_is_a_miss(tmp_path: Path, change: dict[str, Any]) -> None:
    inner = Counting()

    async def both(cache: ReplyCache) -> None:
        await cache.send(BODY)
        await cache.send({**BODY, **change})

    with_cache(tmp_path, inner, both)
    assert inner.calls == 2


def test_another_endpoint_is_a_miss(tmp_path: Path) -> None:
    inner = Counting()
    for identity in ("http://x/v1", "http://y/v1"):
        with_cache(tmp_path, inner, lambda c: c.send(BODY), identity=identity)
    assert inner.calls == 2


@pytest.mark.parametrize(
    "unfit", [Reply(text="half", finish="length"), Reply(text=" "), Reply(text="", reasoning="r")]
)
def test_cut_off_and_empty_replies_are_asked_for_again(tmp_path: Path, unfit: Reply) -> None:
    inner = Counting(unfit, Reply(text="whole"))

    async def three(cache: ReplyCache) -> list[str]:
        return [(await cache.send(BODY)).text for _ in range(3)]

    assert with_cache(tmp_path, inner, three) == [unfit.text, "whole", "whole"]
    assert inner.calls == 2


def test_an_error_is_passed_on_and_not_kept(tmp_path: Path) -> None:
    inner = Counting(InfrastructureError("down"), Reply(text="up"))
    with pytest.raises(InfrastructureError):
        with_cache(tmp_path, inner, lambda c: c.send(BODY))
    assert with_cache(tmp_path, inner, lambda c: c.send(BODY)).text == "up"


def test_a_large_reply_comes_back(tmp_path: Path) -> None:
    inner = Counting(Reply(text="ä\n" * 200_000))
    with_cache(tmp_path, inner, lambda c: c.send(BODY))
    assert with_cache(tmp_path, inner, lambda c: c.send(BODY)).text == "ä\n" * 200_000
    assert inner.calls == 1


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "cache.db").write_bytes(b"not a database, but quite long" * 100)
    for name in ("file", "broken"):
        with pytest.raises(ContractError, match="--reply_cache"):
            ReplyCache(Counting(), tmp_path / name, identity="x")


def test_a_cache_that_breaks_costs_a_request_and_no_run(tmp_path: Path) -> None:
    inner = Counting()

    async def break_it(cache: ReplyCache) -> Reply:
        await cache.send(BODY)
        with sqlite3.connect(tmp_path / "cache.db") as database:
            database.execute("DROP TABLE Cache")
        database.close()
        return await cache.send(BODY)

    assert with_cache(tmp_path, inner, break_it).text == "reply 2"


def test_an_entry_that_is_no_reply_is_a_miss(tmp_path: Path) -> None:
    inner = Counting()
    with_cache(tmp_path, inner, lambda c: c.send(BODY))
    with sqlite3.connect(tmp_path / "cache.db") as database:
        database.execute("UPDATE Cache SET value = '{\"text\": 3}'")
    database.close()
    assert with_cache(tmp_path, inner, lambda c: c.send(BODY)).text == "reply 2"


def test_no_reply_makes_room_for_another(tmp_path: Path) -> None:
    """Each was paid for."""
    cache = open_cache(tmp_path)
    for number in range(40):
        cache.set(number, "x" * 10_000)
    cache.reset("size_limit", 1)
    cache.cull()
    cache.set("one more", "x")
    assert len(cache) == 41
    cache.close()


def test_several_processes_share_one_cache(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        asked = pool.starmap(fill, [(str(tmp_path), start) for start in (0, 40, 80)])
    assert asked == [40, 40, 40]
    assert sum(fill(str(tmp_path), start) for start in (0, 40, 80)) == 0


def test_the_loop_goes_on_while_the_database_waits(tmp_path: Path) -> None:
    async def run(cache: ReplyCache) -> int:
        await cache.send(BODY)
        lock = sqlite3.connect(tmp_path / "cache.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        waiting = asyncio.create_task(cache.send({**BODY, "seed": 1}))
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.01)
            ticks += 1
        lock.execute("COMMIT")
        lock.close()
        await waiting
        return ticks

    assert with_cache(tmp_path, Counting(), run) == 20
