"""Hostile work costs one result: no crash, no hang, nothing for the others."""

import threading
import time
from collections.abc import Iterator

import pytest
from misbehaving import RAISED, behave

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits

LIMITS = WorkLimits(seconds=2, memory_mb=300)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2, LIMITS) as started:
        yield started


LOST = {
    "loop": "not done within 2 seconds",
    "sleep": "not done within 2 seconds",
    "eat": "needs more than 300 MB of memory",
    "exit": "the process died with exit code 3",
    "crash": "the process died with exit code -9",
}


def test_hostile_items_are_lost_and_all_others_are_done_in_order(workers: Workers) -> None:
    items = ["a", "loop", "b", "eat", "c", "exit", "d", "crash", "e", "sleep", "f"]
    seen: list[None] = []
    results = workers.map(behave, items, lambda: seen.append(None))
    texts = [str(result) for result in results]
    # An item that ends its worker in the moment it is given may bring no exit code along.
    for item, text in zip(items, texts, strict=True):
        assert text.startswith(LOST.get(item, item)[:16])
    assert [isinstance(result, WorkerLost) for result in results] == [i in LOST for i in items]
    assert len(seen) == len(items)


def test_nothing_but_instant_crashes_ends_too(workers: Workers) -> None:
    results = workers.map(behave, ["crash"] * 6 + ["a"])
    assert [isinstance(result, WorkerLost) for result in results] == [True] * 6 + [False]


def test_memory_eaten_by_one_item_is_not_missing_to_the_next() -> None:
    with Workers(1, LIMITS) as one:
        assert [str(r) for r in one.map(behave, ["eat", "a", "eat", "b"])][1::2] == ["a", "b"]


def test_single_calls_from_many_threads_get_their_own_answers(workers: Workers) -> None:
    answers: dict[str, str] = {}

    def ask(text: str) -> None:
        try:
            answers[text] = workers.run(behave, text)
        except WorkerLost as lost:
            answers[text] = str(lost)

    threads = [threading.Thread(target=ask, args=(t,)) for t in ("a", "exit", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: answers[name] for name in "abc"} == {name: name for name in "abc"}
    assert answers["exit"].startswith("the process died")


def test_errors_of_the_work_itself_come_through(workers: Workers) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        workers.run(int, "x")


@pytest.mark.parametrize("how", RAISED)
def test_no_error_ends_who_asks(workers: Workers, how: str) -> None:
    with pytest.raises(RuntimeError, match="unexpected"):
        workers.run(behave, how)


def test_leaving_ends_work_under_way_and_those_who_wait_for_it() -> None:
    started = time.monotonic()
    ended: list[str] = []

    def ask() -> None:
        with pytest.raises(RuntimeError, match="outside of their with block"):
            one.run(behave, "sleep")
        ended.append("asked")

    with Workers(1, WorkLimits(seconds=60)) as one:
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
    thread.join(10)
    assert ended == ["asked"]
    assert time.monotonic() - started < 15
