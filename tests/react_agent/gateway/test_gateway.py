"""The gateway between agents and their endpoint, over real sockets."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from scripted_endpoint import Fail, Run, Say, ScriptedEndpoint

from react_agent.errors import ContractError, EndpointRefused, InfrastructureError
from react_agent.gateway.server import CONNECTIONS, HELD, AgentsOnly, Gateway
from react_agent.gateway.visits import Visit, is_asked
from react_agent.models.connect import Connection
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.budget import read_spent
from react_agent.models.spending.settings import BudgetSettings

KEY = "sk-real-0123456789abcdefghijklmnop"
MODEL = "m-1"
ROUTES = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
QUICK = RetryPolicy(attempts=3, seconds=2.0, first_wait=0.01, longest_wait=0.02)
TOOLS: dict[str, Any] = {
    "chat": {"type": "function", "function": {"name": "bash", "parameters": {}}},
    "messages": {"name": "bash", "input_schema": {}},
    "responses": {"type": "function", "name": "bash", "parameters": {}},
}


@asynccontextmanager
async def opened(
    protocol: str, url: str, folder: Path, **more: Any
) -> AsyncIterator[tuple[Gateway, Visit]]:
    base = url if protocol == "messages" else f"{url}/v1"
    settings = ModelSettings(
        model=MODEL, base_url=base, api_key=f"{KEY}\n", **more
    )  # as files leave it
    connection = Connection(settings, folders=[folder], policy=QUICK, transport=AgentsOnly())
    async with connection, Gateway(protocol, settings, connection) as gateway:
        async with gateway.visit(record=folder / "record.jsonl") as visit:
            yield gateway, visit


async def ask(visit: Visit, protocol: str, **body: Any) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {body.pop('key', visit.key)}"}
    said = [{"role": "user", "content": "hello"}]
    asked = {"model": MODEL, "input" if protocol == "responses" else "messages": said}
    asked |= {"tools": [TOOLS[protocol]], **body}
    url = visit.url + ROUTES[protocol]
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=asked, headers=headers) as response:
            return response.status, await response.text()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", list(ROUTES))
def test_an_answer_passes_through_and_is_counted(
    tmp_path: Path, protocol: str, stream: bool
) -> None:
    async def go() -> None:
        script = {"": [Fail(429, times=1), Run("ls -l"), Say("end")]}
        with ScriptedEndpoint(script) as end:
            async with opened(protocol, end.url, tmp_path) as (gateway, visit):
                status, text = await ask(visit, protocol, stream=stream)
                await ask(visit, protocol, stream=stream)
        assert status == 200
        assert "ls -l" in text
        sent = visit.usage
        assert (sent.calls, sent.prompt_tokens) == (2, end.sent["input"])
        assert (sent.completion_tokens, sent.cached_tokens) == (end.sent["output"], 20)
        assert gateway.connection.stats.usage == sent
        rows = [json.loads(x) for x in (tmp_path / "record.jsonl").read_text().splitlines()]
        assert [row["attempts"] for row in rows] == [2, 1]
        assert {row["ending"] for row in rows} == {"answered"}
        assert all(KEY in str(one.headers) for one in end.asked)
        assert KEY not in (tmp_path / "record.jsonl").read_text() + text

    asyncio.run(go())


def test_who_has_no_key_of_a_case_is_not_let_in(tmp_path: Path) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("chat", end.url, tmp_path) as (gateway, visit):
                assert (await ask(visit, "chat", key="case-0"))[0] == 401
                assert (await ask(visit, "chat", key=KEY))[0] == 401
                async with gateway.visit() as other:
                    assert (await ask(other, "chat"))[0] == 200
                assert (await ask(other, "chat"))[0] == 401, "its case is over"
        assert len(end.asked) == 1

    asyncio.run(go())


def test_a_model_that_the_run_is_not_of_is_not_asked(tmp_path: Path) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("messages", end.url, tmp_path) as (_, visit):
                status, text = await ask(visit, "messages", model="dearer")
        assert (status, end.asked) == (400, [])
        assert "m-1, not of dearer" in json.loads(text)["error"]["message"]

    asyncio.run(go())


def test_another_model_that_answers_is_told_once(tmp_path: Path, caplog: Any) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}, served="m-2-small") as end:
            async with opened("chat", end.url, tmp_path) as (_, visit):
                for stream in (True, False):
                    await ask(visit, "chat", stream=stream)
        assert visit.others == ("m-2-small",)

    asyncio.run(go())
    assert caplog.text.count("answers as m-2-small") == 1


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("Qwen3", "org/qwen3", True),
        ("gpt-4o-mini", "gpt-4o", False),
        ("m", "", True),
    ],
)
def test_a_dated_edition_is_what_was_asked_for(asked: str, served: str, same: bool) -> None:
    assert is_asked(asked, served) is same


def test_caps_count_what_agents_ask(tmp_path: Path) -> None:
    async def go() -> None:
        budget = BudgetSettings(max_calls=1)
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("responses", end.url, tmp_path, budget=budget) as (_, visit):
                assert (await ask(visit, "responses"))[0] == 200
                status, text = await ask(visit, "responses")
        assert (status, len(end.asked)) == (400, 1)
        assert "the cap of 1 calls is reached" in text
        assert visit.problem
        assert visit.problem.fatal
        assert visit.over.is_set()
        assert read_spent(tmp_path / "budget.jsonl").by_model() == {MODEL: visit.usage}

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "words", "kind", "seen"),
    [
        (500, "broken", InfrastructureError, 400),
        (401, "bad key", EndpointRefused, 400),
        (400, "maximum context length is 10 tokens", None, 400),
    ],
)
def test_a_refusal_says_whose_it_is(
    tmp_path: Path, status: int, words: str, kind: type[Exception] | None, seen: int
) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Fail(status, words=f"{words} {KEY}")]}) as end:
            async with opened("messages", end.url, tmp_path) as (_, visit):
                found, text = await ask(visit, "messages", stream=True)
        assert found == seen
        assert words in text
        assert KEY not in text + str(visit.problem)
        assert visit.problem
        assert visit.over.is_set() is (kind is not None)
        assert kind is None or isinstance(visit.problem, kind)

    asyncio.run(go())


EVENT = b'data: {"choices": [{"delta": {"content": "Hel"}}], "model": "m-1"}\n\n'


@asynccontextmanager
async def streaming(*pieces: list[bytes]) -> AsyncIterator[str]:
    """A stream for each request in turn, broken off after its pieces."""
    waiting = iter(pieces)

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in next(waiting):
            if not piece:
                assert request.transport
                request.transport.abort()
                return response
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


def test_a_stream_that_begins_with_an_error_is_asked_for_again(tmp_path: Path) -> None:
    async def go() -> None:
        error = b'data: {"error": {"message": "busy", "code": 529}}\n\n'
        async with streaming([error], [b""], [EVENT, b"data: [DONE]\n\n"]) as url:
            async with opened("chat", url, tmp_path) as (_, visit):
                status, text = await ask(visit, "chat", stream=True)
        assert status == 200
        assert text.encode() == EVENT + b"data: [DONE]\n\n"
        assert visit.exchanges[0].attempts == 3

    asyncio.run(go())


def test_a_stream_that_breaks_off_is_not_taken_for_whole(tmp_path: Path) -> None:
    async def go() -> None:
        async with streaming([EVENT, b""]) as url:
            async with opened("chat", url, tmp_path) as (_, visit):
                with pytest.raises(aiohttp.ClientPayloadError):
                    await ask(visit, "chat", stream=True)
        assert isinstance(visit.problem, InfrastructureError)
        (only,) = visit.exchanges
        assert (only.ending, only.attempts) == ("broken off", 1)

    asyncio.run(go())


@pytest.mark.parametrize("more", [{"replay": Path("x")}, {"record": Path("x")}])
def test_what_a_gateway_cannot_do_is_refused(tmp_path: Path, more: dict[str, Path]) -> None:
    settings = ModelSettings(
        model=MODEL, base_url="http://127.0.0.1:1", api_key=f"{KEY}\n", **more
    )  # as files leave it
    connection = Connection(settings, transport=AgentsOnly())
    with pytest.raises(ContractError, match=f"--{next(iter(more))} goes with the built-in agent"):
        Gateway("chat", settings, connection)


def test_a_key_is_asked_for_before_anything_runs(monkeypatch: Any) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    settings = ModelSettings(model=MODEL)
    with pytest.raises(ContractError, match="ANTHROPIC_API_KEY"):
        Gateway("messages", settings, Connection(settings, transport=AgentsOnly()))


async def post(visit: Visit, data: bytes, **headers: str) -> int:
    headers |= {"Authorization": f"Bearer {visit.key}"}
    async with aiohttp.ClientSession() as session:
        url = visit.url + ROUTES["chat"]
        async with session.post(url, data=io.BytesIO(data), headers=headers) as response:
            return response.status


ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


def test_headers_that_are_not_the_agents_to_set_do_not_go_on(tmp_path: Path) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("chat", end.url, tmp_path) as (_, visit):
                told = {"Content-Encoding": "gzip", "OpenAI-Organization": "another"}
                told |= {"Proxy-Authorization": "Basic eA==", "anthropic-beta": "b-1"}
                assert await post(visit, gzip.compress(json.dumps(ASKED).encode()), **told) == 200
        (asked,) = end.asked
        assert asked.body == ASKED
        assert asked.headers["anthropic-beta"] == "b-1"
        assert not {"Content-Encoding", "OpenAI-Organization", "Proxy-Authorization"} & {
            *asked.headers
        }

    asyncio.run(go())


def test_what_leads_out_of_the_case_is_taken_out_and_told_once(tmp_path: Path, caplog: Any) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("responses", end.url, tmp_path) as (_, visit):
                tools = [TOOLS["responses"], {"type": "web_search"}, {"type": "custom"}, "odd"]
                for _ in range(2):
                    await ask(visit, "responses", tools=tools, models=["dearer"], store=False)
        for asked in end.asked:
            assert asked.body["tools"] == [TOOLS["responses"], {"type": "custom"}, "odd"]
            assert "models" not in asked.body
            assert asked.body["store"] is False

    asyncio.run(go())
    assert caplog.text.count("web_search is not passed on") == 1
    assert caplog.text.count("models is not passed on") == 1


def test_a_case_that_floods_its_door_keeps_no_other_out(tmp_path: Path) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("chat", end.url, tmp_path) as (gateway, visit):
                came = [await asyncio.open_unix_connection(visit.socket) for _ in range(300)]
                await asyncio.sleep(0.2)
                kept = sum(not reader.at_eof() for reader, _ in came)
                assert kept <= 2 * CONNECTIONS, "at most one round of accepting more"
                async with gateway.visit() as other:
                    connector = aiohttp.UnixConnector(str(other.socket))
                    async with aiohttp.ClientSession(connector=connector) as session:
                        headers = {"Authorization": f"Bearer {other.key}"}
                        url = "http://door" + ROUTES["chat"]
                        async with session.post(url, json=ASKED, headers=headers) as response:
                            assert response.status == 200
                for _, writer in came:
                    writer.close()

    asyncio.run(go())


def test_a_case_holds_no_more_than_its_bytes(tmp_path: Path) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("chat", end.url, tmp_path) as (_, visit):
                assert await post(visit, b" " * (HELD + 1)) == 413
                assert visit.held == 0
                assert await post(visit, json.dumps(ASKED).encode()) == 200

    asyncio.run(go())


def test_an_agent_that_leaves_is_no_fault(tmp_path: Path, caplog: Any) -> None:
    async def go() -> None:
        async with streaming(*([EVENT] * 60 for _ in range(20))) as url:
            async with opened("chat", url, tmp_path) as (gateway, visit):
                for number in range(20):
                    reader, writer = await asyncio.open_unix_connection(visit.socket)
                    body = json.dumps({**ASKED, "stream": True}).encode()
                    head = f"POST {ROUTES['chat']} HTTP/1.1\r\nHost: x\r\nx-api-key: {visit.key}"
                    writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                    await asyncio.wait_for(reader.read(10), 10)
                    writer.transport.abort()
                    await asyncio.sleep(0.002 * number)
                await asyncio.sleep(0.3)
                assert not gateway.connection.stats.retries
                assert visit.problem is None

    asyncio.run(go())
    assert "Error handling request" not in caplog.text


@pytest.mark.parametrize("odd", ["x", [1], None, 7])
def test_a_stream_with_odd_options_is_still_counted(tmp_path: Path, odd: Any) -> None:
    async def go() -> None:
        with ScriptedEndpoint({"": [Say("x")]}) as end:
            async with opened("chat", end.url, tmp_path) as (_, visit):
                assert (await ask(visit, "chat", stream=True, stream_options=odd))[0] == 200
        assert visit.usage.prompt_tokens == end.sent["input"]

    asyncio.run(go())
