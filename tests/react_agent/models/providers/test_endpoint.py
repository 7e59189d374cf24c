"""The client against a real server: what is sent, what is read, and what never leaks."""

import asyncio
import gzip
import json
import logging
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from calls import BODY, KEY, QUICK, attempts, send, together
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stub_server import Fault as SocketFault
from stub_server import StubServer, in_turn, raw, refusal, reply

from react_agent.errors import (
    ContractError,
    InfrastructureError,
    ModelError,
    PromptRefused,
)
from react_agent.model import ChatModel, Message, Reply, Usage
from react_agent.models.connect import Connection
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.patience.retry import Stats
from react_agent.models.providers.openai_compatible import (
    OpenAIEndpoint,
    find_base_url,
    find_key,
    models_url,
    on_azure,
    read_completion,
)
from react_agent.models.providers.wire import MAX_REPLY
from react_agent.models.settings import ModelSettings


def test_a_reply_with_its_usage() -> None:
    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert server.bodies == [BODY]
        assert server.paths == ["/v1/chat/completions"]
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert endpoint.stats.calls == 1
        assert endpoint.stats.in_flight == 0
        assert endpoint.stats.usage.prompt_tokens == 11

    answer = send(reply("hello"), check=check)
    assert answer == Reply(
        text="hello",
        usage=Usage(calls=1, prompt_tokens=11, completion_tokens=3, cached_tokens=5),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_every_body_arrives_as_it_was_given() -> None:
    """Surrogates apart, which no JSON text in UTF-8 can hold."""

    async def run() -> None:
        async with StubServer(reply()) as server, OpenAIEndpoint(server.url, KEY) as endpoint:
            loop_send: Callable[[dict[str, Any]], Coroutine[Any, Any, Reply]] = endpoint.send
            drawn: list[dict[str, Any]] = []

            @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
            @given(st.dictionaries(st.text(), JSON, max_size=4))
            def draw(extra: dict[str, Any]) -> None:
                drawn.append({**BODY, **extra})

            draw()
            for body in drawn:
                await loop_send(body)
            assert server.bodies == drawn

    asyncio.run(run())


def test_the_model_adds_parameters_stops_and_the_seed_last() -> None:
    async def run() -> dict[str, Any]:
        async with StubServer(reply()) as server, OpenAIEndpoint(server.url, KEY) as endpoint:
            parameters = {"top_k": 3, "stop": ["A"], "seed": 1, "temperature": 0.5}
            model = ChatModel(endpoint, "name", parameters, seed=41)
            await model.reply([Message(role="user", content="x")], stop=["B"])
            return server.bodies[0]

    body = asyncio.run(run())
    assert body["seed"] == 41
    assert body["stop"] == ["A", "B"]
    assert (body["model"], body["top_k"], body["temperature"]) == ("name", 3, 0.5)


@pytest.mark.parametrize("given_url", ["{}", "{}/", "{}/chat/completions", " {}\n"])
def test_forms_of_the_base_url(given_url: str) -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            async with OpenAIEndpoint(given_url.format(server.url), KEY) as endpoint:
                await endpoint.send(BODY)
                assert server.paths == ["/v1/chat/completions"]
                assert endpoint.address == server.url

    asyncio.run(run())


def test_a_query_in_the_base_url_is_sent_and_never_shown() -> None:
    async def run() -> None:
        async with StubServer(refusal(400, "no such version: hidden-1")) as server:
            url = f"{server.url}?version=hidden-1"
            async with OpenAIEndpoint(url, KEY) as endpoint:
                with pytest.raises(ModelError) as caught:
                    await endpoint.send(BODY)
                assert server.paths == ["/v1/chat/completions?version=hidden-1"]
                assert "?" not in endpoint.address + str(caught.value)

    asyncio.run(run())


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://", "http://u:p@h/v1"])
def test_an_address_that_cannot_work_is_refused_before_any_work(url: str) -> None:
    with pytest.raises(ContractError):
        OpenAIEndpoint(url, KEY)


def test_where_key_and_address_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert find_base_url(None) == "https://api.openai.com/v1"
    with pytest.raises(ContractError, match=r"OPENAI_API_KEY.*EMPTY"):
        find_key(None)
    monkeypatch.setenv("OPENAI_API_KEY", "from the environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://there/v1")
    assert (find_key(None), find_base_url(None)) == ("from the environment", "http://there/v1")
    assert (find_key("flag"), find_base_url("http://flag")) == ("flag", "http://flag")


def test_a_key_with_a_line_break_at_its_end_works() -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            async with OpenAIEndpoint(server.url, f"{KEY}\n") as endpoint:
                await endpoint.send(BODY)
                assert server.headers[0]["Authorization"] == f"Bearer {KEY}"

    asyncio.run(run())
    with pytest.raises(ContractError):
        OpenAIEndpoint("http://x/v1", "two\nlines")


def test_organisation_and_project_are_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: team-secret")

    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        sent = server.headers[0]
        assert (sent["OpenAI-Organization"], sent["OpenAI-Project"]) == ("org-1", "proj-1")
        assert sent["X-Team"] == "team-secret"

    with pytest.raises(ModelError) as caught:
        send(refusal(400, "bad X-Team: team-secret"), check=check)
    assert "team-secret" not in str(caught.value)


def test_azure_is_found_by_the_sdks_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)

    async def run() -> None:
        async with StubServer(reply("from azure")) as server:
            monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url.removesuffix("/v1"))
            with pytest.raises(ContractError, match="OPENAI_API_VERSION"):
                find_key(None, azure=on_azure(None))
            monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
            async with Connection(ModelSettings(model="gpt-4o")) as connection:
                answer = await connection.model().reply([Message(role="user", content="x")])
            assert answer.text == "from azure"
            path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
            assert server.paths == [path]
            assert server.headers[0]["api-key"] == KEY
            assert "Authorization" not in server.headers[0]
            assert models_url(None).path_qs == "/openai/models?api-version=2024-10-21"

    asyncio.run(run())
    assert not on_azure("http://flag/v1")


def test_a_servers_cookies_are_not_sent_back() -> None:
    answer = web.json_response(reply(), headers={"Set-Cookie": "stay=here; Path=/"})

    async def run() -> None:
        async with StubServer(answer) as server, OpenAIEndpoint(server.url, KEY) as endpoint:
            for _ in range(2):
                await endpoint.send(BODY)
            assert not any("Cookie" in headers for headers in server.headers)

    asyncio.run(run())


def test_a_compressed_reply_is_read_and_a_bomb_given_up() -> None:
    def packed(body: bytes) -> web.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=gzip.compress(body), headers=headers)

    assert send(packed(json.dumps(reply("unpacked")).encode())).text == "unpacked"
    assert send(in_turn(packed(b" " * (MAX_REPLY + 1)), reply())).text == "ok"


def test_a_verbose_log_does_not_name_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> None:
        async with StubServer(reply()) as server:
            async with OpenAIEndpoint(f"{server.url}?code=hidden-1", KEY) as endpoint:
                await endpoint.send(BODY)

    asyncio.run(run())
    ours = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]  # the server's
    assert "hidden-1" not in "".join(ours)


def test_reasoning_is_split_off() -> None:
    answer = send(reply("<think>a</think>b"))
    assert (answer.text, answer.reasoning) == ("b", "a")
    answer = send(reply("b", reasoning_content="a"))
    assert (answer.text, answer.reasoning) == ("b", "a")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_answer_that_the_reasoning_parser_took_is_a_fault_that_names_the_field(
    field: str,
) -> None:
    """vLLM and LM Studio with thinking off: the whole reply is taken for reasoning."""
    with pytest.raises(InfrastructureError, match=rf"beside reasoning in '{field}'.*parser"):
        send(reply(None, **{field: "Action: ..."}), check=attempts(QUICK.empties))
    cut_off = send(reply(None, finish="length", **{field: "a"}), check=attempts(1))
    assert (cut_off.text, cut_off.reasoning) == ("", "a")
    unclosed = send(reply("<think>for ever"), check=attempts(1))
    assert (unclosed.text, unclosed.reasoning) == ("", "for ever")


@pytest.mark.parametrize("finish", ["length", "max_tokens"])
def test_a_cut_off_reply_says_so(finish: str) -> None:
    assert send(reply("half", finish=finish)).cut_off


def test_empty_for_a_reason_that_would_come_again_is_no_fault() -> None:
    assert send(reply("", finish="length"), check=attempts(1)).cut_off


@pytest.mark.parametrize(
    "answer",
    [
        reply("", finish="content_filter"),
        reply("half a rep", finish="content_filter"),
        reply(None, refusal="I cannot help with that."),
    ],
)
def test_what_a_filter_took_is_refused_and_not_asked_for_again(answer: Any) -> None:
    with pytest.raises(PromptRefused):
        send(answer, check=attempts(1))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "many",
        {"prompt_tokens": None, "completion_tokens": "3"},
        {"prompt_tokens": -1},
    ],
)
def test_an_endpoint_that_does_not_count_costs_a_call(usage: Any) -> None:
    assert read_completion({**reply(), "usage": usage}).usage == Usage(calls=1)


@pytest.mark.parametrize(
    "handler",
    [
        refusal(401, f"Incorrect API key provided: {KEY}"),
        refusal(400, f"echo {KEY}"),
        refusal(500, f"echo Bearer {KEY}"),
        raw(f"echo {KEY}"),
        {"error": {"message": KEY, "code": 400}},
        SocketFault("garbage"),
        SocketFault("reset"),
    ],
    ids=str,
)
def test_the_key_is_in_no_error_log_or_repr(handler: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        seen.extend([repr(endpoint), str(endpoint.stats), endpoint.address, endpoint.where])

    with pytest.raises(ModelError) as caught:
        send(handler, policy=RetryPolicy(attempts=2, first_wait=0.001), check=check)
    seen += [str(caught.value), repr(caught.value), caplog.text]
    seen += traceback.format_exception(caught.value)
    assert KEY not in "".join(seen)


def test_512_requests_are_in_flight_at_once() -> None:
    async def run() -> None:
        repeated = together(512, lambda body: reply(body["messages"][0]["content"]))
        async with StubServer(repeated) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                bodies = [{**BODY, "messages": [{"content": str(i)}]} for i in range(512)]
                async with asyncio.timeout(20):
                    answers = await asyncio.gather(*map(endpoint.send, bodies))
                assert [a.text for a in answers] == [str(i) for i in range(512)]
                assert server.most_in_flight == endpoint.stats.most_in_flight == 512
                assert endpoint.stats.retries == {}

    asyncio.run(run())


def test_cancelling_closes_the_connection_at_once() -> None:
    async def run() -> None:
        async with StubServer(SocketFault("hang")) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                task = asyncio.create_task(endpoint.send(BODY))
                await server.until(lambda: bool(server.bodies))
                started = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await server.until(lambda: server.in_flight == 0)
                assert time.monotonic() - started < 1
                assert server.dropped == 1
                assert endpoint.stats.in_flight == 0

    asyncio.run(run())


def test_cancelling_also_ends_a_wait_between_attempts() -> None:
    async def run() -> None:
        async with StubServer(refusal(429, retry_after="60")) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await endpoint.send(BODY)
                assert len(server.bodies) == 1

    asyncio.run(run())


def test_a_large_error_keeps_nobody_busy() -> None:
    """All cases share one event loop."""

    async def handler(body: dict[str, Any]) -> web.Response:
        return web.Response(status=400, text=f"no: {KEY} " + "a-%61 " * 3_000_000)

    started = time.process_time()
    with pytest.raises(ModelError, match="HTTP 400: no:") as error:
        send(handler)
    assert KEY not in str(error.value)
    assert time.process_time() - started < 10


def test_a_large_conversation_goes_through() -> None:
    body = {**BODY, "messages": [{"role": "user", "content": "ä" * 2_000_000}]}
    assert send(in_turn(refusal(500), reply()), body).text == "ok"


def test_a_reply_without_end_is_given_up() -> None:
    assert send(in_turn(raw(b" " * (MAX_REPLY + 1)), reply())).text == "ok"


def test_stats_say_it_in_a_line() -> None:
    stats = Stats(calls=3, in_flight=1)
    stats.retries.update(["timeout", "timeout", "server"])
    assert str(stats) == "3 calls, 1 in flight, 3 retries (2 timeout, 1 server)"
