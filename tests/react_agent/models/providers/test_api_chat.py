"""The api_chat gateway: its envelope, the order in which a reply is looked for, its errors."""

import asyncio
import json
import time
from typing import Any

import pytest
from calls import BODY, QUICK, together
from project import ROOT
from stub_server import Fault as SocketFault
from stub_server import StubServer, in_turn, raw, refusal, reply

from react_agent.errors import (
    ContextOverflow,
    ContractError,
    EndpointRefused,
    InfrastructureError,
    ModelError,
)
from react_agent.model import Reply
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.providers.api_chat import ApiChatConfig, ApiChatEndpoint, read_answer
from react_agent.models.providers.opening import Patience

ACCESS = "access-key-secret"
EXAMPLE = ROOT / "config" / "llm_api.json"


def send(handler: Any, policy: RetryPolicy = QUICK, **config: Any) -> tuple[Reply, StubServer]:
    async def run() -> tuple[Reply, StubServer]:
        async with StubServer(handler) as server:
            settings = ApiChatConfig(
                url=f"{server.url}/gateway", app="a", quota_id="q", user_id="u", tag="t",
                access_key=ACCESS, **config,
            )  # fmt: skip
            async with ApiChatEndpoint(settings, Patience(timeout=1, policy=policy)) as endpoint:
                return await endpoint.send({**BODY, "temperature": 0.5, "seed": 41}), server

    return asyncio.run(run())


def test_the_envelope_is_the_contracts() -> None:
    _, server = send(reply(), default_params={"temperature": 0.1, "top_k": 3})
    assert server.paths == ["/v1/gateway"]
    assert server.bodies == [
        {
            "model": "m",
            "prompt": BODY["messages"],
            "params": {"temperature": 0.5, "top_k": 3, "seed": 41},
            "app": "a",
            "quota_id": "q",
            "user_id": "u",
            "access_key": ACCESS,
            "tag": "t",
        }
    ]


def test_the_configs_model_is_sent_when_there_is_one() -> None:
    assert send(reply(), model="theirs")[1].bodies[0]["model"] == "theirs"


@pytest.mark.parametrize(
    "payload",
    [
        reply("hit"),
        {"completion": reply("hit")},
        {"data": reply("hit")},
        {"data": {"completion": {"data": reply("hit")}}},
        {"completion": "hit"},
        {"data": "hit"},
        {"response": "hit"},
        {"content": "hit"},
        {"text": "hit"},
        {"reply": "hit"},
        {"output": "hit"},
        {"message": "hit"},
        {"message": {"role": "assistant", "content": "hit"}},
        {"data": {"text": "hit"}},
        {**reply("hit"), "completion": "miss", "response": "miss"},
        {"completion": "hit", "data": "miss"},
        {"completion": {"text": "hit"}, "response": "miss"},
        {"data": "hit", "response": "miss"},
        {"response": "hit", "content": "miss"},
        {"response": "", "text": "hit", "message": "miss"},
        {"code": 0, "message": "success", "data": {"text": "hit"}},
        {"code": "200", "success": True, "message": "ok", "data": reply("hit")},
        {"choices": [], "text": "hit"},
    ],
    ids=json.dumps,
)
def test_the_reply_is_looked_for_in_the_stated_order(payload: Any) -> None:
    assert read_answer(payload).text == "hit"


@pytest.mark.parametrize(
    "payload",
    [
        reply("text", reasoning_content="why"),
        reply("<think>why</think>text"),
        {"data": {"text": "text", "reasoning_content": "why"}},
        {"completion": reply("text", reasoning="why")},
        {"response": "<think>why</think>text"},
    ],
)
def test_reasoning_is_looked_for_likewise(payload: Any) -> None:
    answer = read_answer(payload)
    assert (answer.text, answer.reasoning) == ("text", "why")


def test_usage_and_finish_are_read_where_they_stand() -> None:
    answer = read_answer({"data": reply("text", finish="length")})
    assert answer.cut_off
    assert answer.usage.prompt_tokens == 11
    assert read_answer({"text": "x", "usage": {"prompt_tokens": 4}}).usage.prompt_tokens == 4
    assert read_answer({"text": "x"}).usage.calls == 1


@pytest.mark.parametrize(
    "payload",
    [[], None, 3, {}, {"data": None}, {"text": 3}, {"choices": [3]}, {"data": {"data": {}}}],
)
def test_what_holds_no_reply_is_a_fault(payload: Any) -> None:
    with pytest.raises(Fault):
        read_answer(payload)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"code": 500, "message": "not a reply"}, Fault),
        ({"code": "E17", "message": "not a reply"}, Fault),
        ({"success": False, "message": "not a reply"}, Fault),
        ({"code": 429, "message": "slow down"}, Fault),
        ({"code": 400, "message": "bad"}, ModelError),
        ({"code": 401, "message": "who are you"}, EndpointRefused),
        ({"error": {"code": 403, "message": "no"}}, EndpointRefused),
        (
            {"code": 400, "msg": "This model's maximum context length is 4096 tokens."},
            ContextOverflow,
        ),
    ],
)
def test_an_error_message_is_not_taken_for_the_reply(payload: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_answer(payload)


@pytest.mark.parametrize(
    "first",
    [refusal(429), refusal(502), raw("<html>"), {}, reply(""), SocketFault("reset")],
    ids=str,
)
def test_the_same_patience_as_the_other_client(first: Any) -> None:
    answer, server = send(in_turn(first, {"response": "hello"}))
    assert (answer.text, len(server.bodies)) == ("hello", 2)


def test_a_cancelled_call_keeps_nobody_waiting_and_its_reply_is_not_read() -> None:
    async def run() -> None:
        async with StubServer(SocketFault("drip")) as server:
            config = ApiChatConfig(url=server.url)
            async with ApiChatEndpoint(config, Patience(policy=QUICK)) as endpoint:
                task = asyncio.create_task(endpoint.send(BODY))
                await server.until(lambda: bool(server.bodies))
                started = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert time.monotonic() - started < 1
                assert endpoint.stats.in_flight == 0

    asyncio.run(run())


def test_connections_are_used_again_and_as_many_as_there_are_calls() -> None:
    async def run() -> None:
        async with StubServer(together(64)) as server:
            async with ApiChatEndpoint(ApiChatConfig(url=server.url)) as endpoint:
                async with asyncio.timeout(20):
                    await asyncio.gather(*(endpoint.send(BODY) for _ in range(64)))
                    first = server.connections
                    await asyncio.gather(*(endpoint.send(BODY) for _ in range(64)))
                assert server.most_in_flight == first == server.connections == 64

    asyncio.run(run())


@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_access_key_is_in_no_error(status: int) -> None:
    policy = RetryPolicy(attempts=2, first_wait=0.001)
    with pytest.raises(ModelError, match=r"\*\*\*") as caught:
        send(refusal(status, f"bad access_key {ACCESS}"), policy)
    assert ACCESS not in str(caught.value)
    assert isinstance(caught.value, InfrastructureError) == (status == 500)


def test_the_access_key_is_in_no_repr() -> None:
    assert ACCESS not in repr(ApiChatConfig(url="http://x", access_key=ACCESS))


def test_the_example_is_complete_and_says_what_is_missing() -> None:
    assert list(json.loads(EXAMPLE.read_text())) == list(ApiChatConfig.model_fields)
    with pytest.raises(ContractError, match=r"llm_api\.json: url is empty"):
        ApiChatConfig.load(str(EXAMPLE))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no/such.json", "no such file"),
        ('{"url": "http://x", "key": "1"}', "unknown key 'key'; known keys: url, model"),
        ('{"url": 3}', "url: "),
        ('{"url": "http://x", "default_params": []}', "default_params: "),
    ],
)
def test_a_config_that_does_not_fit_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ContractError) as caught:
        ApiChatConfig.load(text)
    assert words in str(caught.value)
