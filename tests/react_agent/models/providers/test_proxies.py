"""Proxies as the environment names them: used by both clients and by doctor, or an error."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from calls import BODY, KEY, QUICK
from stub_server import StubServer, refusal, reply
from yarl import URL

from react_agent.errors import ContractError, EndpointRefused
from react_agent.models.providers.addresses import proxy_for
from react_agent.models.providers.api_chat import ApiChatConfig, ApiChatEndpoint
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.opening import Patience
from react_agent.models.providers.wire import Wire
from trace2skill.doctor.endpoint_check import check_endpoint

AWAY = "http://llm.example/v1"
PASSWORD = "S3cretPw"
Client = Callable[[str], Wire]
CLIENTS: dict[str, Client] = {
    "openai": lambda url: OpenAIEndpoint(url, KEY, Patience(policy=QUICK)),
    "api_chat": lambda url: ApiChatEndpoint(ApiChatConfig(url=url), Patience(policy=QUICK)),
}


@pytest.fixture(params=CLIENTS.values(), ids=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def ask(made: Wire) -> str:
    async with made:
        return (await made.send(BODY)).text  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("form", ["http://alice:{pw}@{at}", "{at}"])
@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_the_proxy_is_used(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str, variable: str
) -> None:
    async def run() -> None:
        async with StubServer(reply("over the proxy")) as proxy:
            at = f"127.0.0.1:{proxy.port}"
            monkeypatch.setenv(variable, form.format(pw=PASSWORD, at=at))
            assert await ask(client(AWAY)) == "over the proxy"
            assert proxy.headers[0]["Host"] == "llm.example"
            assert ("Proxy-Authorization" in proxy.headers[0]) == ("alice" in form)

    asyncio.run(run())


def test_this_machine_and_what_no_proxy_names_are_asked_directly(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "example")

    async def run() -> None:
        async with StubServer(reply("directly")) as server:
            assert await ask(client(server.url)) == "directly"

    asyncio.run(run())
    assert proxy_for(URL(AWAY)) is None
    assert proxy_for(URL("http://elsewhere.org/v1")) == URL("http://127.0.0.1:1")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://", "ftp://x:1", "http://x:y"])
def test_a_proxy_that_cannot_be_used_is_an_error_before_any_work(
    client: Client, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ContractError, match=r"http_proxy names no http:// proxy.*no_proxy"):
        client(AWAY)
    check = asyncio.run(check_endpoint(AWAY, KEY, None))
    assert (check.level, "http_proxy" in check.says) == ("error", True)


@contextlib.asynccontextmanager
async def refusing_proxy() -> AsyncIterator[int]:
    """407 for a CONNECT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_ends_the_run_and_its_password_is_not_told(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    async def run() -> None:
        async with StubServer(refusal(407, f"no {PASSWORD}")) as plain, refusing_proxy() as tunnel:
            port = plain.port if scheme == "http" else tunnel
            monkeypatch.setenv(f"{scheme}_proxy", f"http://alice:{PASSWORD}@127.0.0.1:{port}")
            with pytest.raises(EndpointRefused, match=r"407.*https?_proxy") as caught:
                await ask(client(f"{scheme}://llm.example/v1"))
            seen: list[Any] = [caught.value, repr(caught.value), caplog.text]
            assert PASSWORD not in "".join(map(str, seen))

    asyncio.run(run())
