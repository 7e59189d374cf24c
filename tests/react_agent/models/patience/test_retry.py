"""What is tried again, how often, how long, and how it is counted."""

import asyncio
import email.utils
import time
from typing import Any

import pytest
from calls import BODY, KEY, QUICK, SIX, attempts, send
from hypothesis import given
from hypothesis import strategies as st
from stub_server import Fault as SocketFault
from stub_server import StubServer, in_turn, raw, refusal, reply

from react_agent.errors import (
    InfrastructureError,
)
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.patience.retry import retry_after
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.opening import Patience


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (refusal(429), "rate_limit"),
        (refusal(408), "server"),
        (refusal(409), "server"),
        (refusal(500), "server"),
        (refusal(503, "loading model"), "server"),
        (refusal(529), "server"),
        (raw("<html>502 Bad Gateway</html>", content_type="text/html"), "garbled"),
        (raw("<html>bad</html>", status=502, content_type="text/html"), "server"),
        (raw(""), "garbled"),
        (raw('{"choices": [{"message": {"content": "hal'), "garbled"),
        (raw(b"\xff\xfe\x00"), "garbled"),
        (raw("[" * 100_000), "garbled"),
        (raw("[]"), "garbled"),
        (raw("null"), "garbled"),
        (raw('"text"'), "garbled"),
        ({}, "garbled"),
        ({"choices": None}, "garbled"),
        ({"choices": []}, "garbled"),
        ({"choices": {}}, "garbled"),
        ({"choices": [None]}, "garbled"),
        ({"choices": [{}]}, "garbled"),
        ({"choices": [{"message": None}]}, "garbled"),
        (reply(None), "empty"),
        (reply(""), "empty"),
        (reply(" \n"), "empty"),
        (reply(None, finish="tool_calls"), "empty"),
        (reply(None, reasoning_content=""), "empty"),
        (reply("x", finish="abort"), "server"),
        ({"error": {"message": "overloaded", "code": 503}}, "server"),
        ({"error": {"message": "slow down", "code": "429"}}, "rate_limit"),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "rate_limit"),
        ({"error": {"message": "oh", "type": "server_error"}}, "server"),
        ({"error": "upstream failed"}, "server"),
        ({"choices": [{"error": {"code": 502, "message": "provider"}}]}, "server"),
        (SocketFault("reset"), "connection"),
        (SocketFault("closed"), "connection"),
        (SocketFault("short"), "connection"),
        (SocketFault("half_closed"), "connection"),
        (SocketFault("garbage"), "connection"),
        (SocketFault("hang"), "timeout"),
        (SocketFault("drip"), "timeout"),
    ],
    ids=str,
)
def test_a_fault_is_tried_again_and_counted(first: Any, kind: str) -> None:
    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert endpoint.stats.retries == {kind: 1}
        assert len(server.bodies) == 2

    timeout = 0.3 if isinstance(first, SocketFault) else 10.0
    assert send(in_turn(first, reply("hello")), timeout=timeout, check=check).text == "hello"


def test_more_than_the_promised_length_is_no_reply() -> None:
    assert send(in_turn(SocketFault("long"), reply("hello"))).text == "hello"


def test_a_connection_that_ended_while_idle_is_replaced() -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            async with OpenAIEndpoint(server.url, KEY, Patience(policy=QUICK)) as endpoint:
                await endpoint.send(BODY)
                for connection in server._runner.server.connections:  # type: ignore[union-attr]
                    connection.transport.abort()
                assert (await endpoint.send(BODY)).text == "ok"

    asyncio.run(run())


def test_patience_ends_in_one_line_with_the_last_cause() -> None:
    policy = RetryPolicy(attempts=3, first_wait=0.001)
    with pytest.raises(InfrastructureError) as caught:
        send(refusal(500, "the queue\nis  full"), policy=policy, check=attempts(3))
    assert "gave up after 3 attempts: HTTP 500: the queue is full" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there() -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            url = server.url
        policy = RetryPolicy(attempts=3, first_wait=0.001)
        async with OpenAIEndpoint(url, KEY, Patience(policy=policy)) as endpoint:
            with pytest.raises(InfrastructureError, match="gave up after 3 attempts"):
                await endpoint.send(BODY)

    asyncio.run(run())


def test_a_call_that_hangs_has_a_deadline() -> None:
    started = time.monotonic()
    policy = RetryPolicy(first_wait=0.001, seconds=0.1)
    with pytest.raises(InfrastructureError, match=r"no whole reply within 0\.2 s"):
        send(SocketFault("hang"), timeout=0.2, policy=policy, check=attempts(3))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("fault", SIX)
def test_no_call_is_lost_to_a_fault_of_one_try_in_five(fault: str) -> None:
    """In an endless series of calls the longest run of bad luck has any length; here it has 5."""
    handler = in_turn(*[SIX[fault]] * 5, reply("hello"))
    assert send(handler, timeout=0.1).text == "hello"


def test_refusals_for_overload_use_up_no_attempts() -> None:
    policy = RetryPolicy(attempts=2, seconds=0.01, first_wait=0.001, longest_wait=0.01)
    busy = (refusal(429), refusal(503, "loading model"), refusal(529))
    assert send(in_turn(*busy * 10, reply("hello")), policy=policy).text == "hello"
    with pytest.raises(InfrastructureError, match="gave up after 7 attempts"):
        send(refusal(429), policy=RetryPolicy(refusals=7, first_wait=0.001))
    with pytest.raises(InfrastructureError, match="gave up after"):
        send(refusal(429), policy=RetryPolicy(refused_seconds=0.1, longest_wait=0.01))


def test_a_model_that_says_nothing_is_not_asked_for_ever() -> None:
    with pytest.raises(InfrastructureError, match="gave up after 5 attempts: the reply is empty"):
        send(reply(""), check=attempts(5))


def test_the_total_time_is_bounded() -> None:
    policy = RetryPolicy(attempts=1000, first_wait=0.02, longest_wait=0.05, seconds=0.3)
    started = time.monotonic()
    with pytest.raises(InfrastructureError):
        send(refusal(500), policy=policy)
    assert time.monotonic() - started < 3


def test_retry_after_is_obeyed() -> None:
    started = time.monotonic()
    send(in_turn(refusal(429, retry_after="0.4"), reply()))
    assert time.monotonic() - started >= 0.4


def test_a_retry_after_date_is_obeyed() -> None:
    started = time.time()
    when = email.utils.formatdate(started + 2, usegmt=True)
    send(in_turn(refusal(503, retry_after=when), reply()))
    assert time.time() >= int(started + 2)


def test_an_absurd_retry_after_is_bounded() -> None:
    policy = RetryPolicy(first_wait=0.001, longest_retry_after=0.1)
    started = time.monotonic()
    send(in_turn(refusal(429, retry_after="86400"), reply()), policy=policy)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("3", 3), ("-3", 0), ("soon", None), ("nan", None), ("1e3", 1000)],
)
def test_forms_of_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


@given(st.text())
def test_no_retry_after_header_is_a_crash(header: str) -> None:
    seconds = retry_after(header)
    assert seconds is None or seconds >= 0
