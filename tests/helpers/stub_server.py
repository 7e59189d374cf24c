"""A real chat server on the loopback, with a handler per test and faults on real sockets.

    async with StubServer(reply("hello")) as server:
        endpoint = OpenAIEndpoint(server.url, "EMPTY")

A handler is called with each request's body and gives a `Reply`-shaped payload (see `reply`), a
`Fault`, an `aiohttp.web.Response`, or any of these from a coroutine. `in_turn(a, b, c)` gives one
after the other, and the last for ever.
"""

import asyncio
import inspect
import json
import random
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Handler = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Fault:
    """What goes wrong on the socket: one of the names in `StubServer.FAULTS`."""

    name: str
    seconds: float = 30.0
    """For hang and drip: how long the server would go on."""


def reply(text: str | None = "ok", *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion."""
    said = {"role": "assistant", "content": text, **message}
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 3,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    return {"choices": [{"index": 0, "message": said, "finish_reason": finish}], "usage": usage}


def refusal(status: int, words: Any = "no", *, retry_after: str | None = None) -> web.Response:
    """An error response; `words` is an error message, or a whole body when it is no string."""
    body = {"error": {"message": words}} if isinstance(words, str) else words
    headers = {"Retry-After": retry_after} if retry_after else None
    return web.json_response(body, status=status, headers=headers)


def raw(body: str | bytes, *, status: int = 200, content_type: str = "application/json") -> Any:
    data = body.encode() if isinstance(body, str) else body
    return web.Response(body=data, status=status, content_type=content_type)


def in_turn(*answers: Any) -> Handler:
    waiting = iter(answers)

    def handler(body: dict[str, Any]) -> Any:
        handler.last = next(waiting, handler.last)  # type: ignore[attr-defined]
        return handler.last  # type: ignore[attr-defined]

    handler.last = None  # type: ignore[attr-defined]
    return handler


def at_random(answer: Any, faults: dict[str, tuple[float, Any]], seed: int = 0) -> Handler:
    """`answer`, but each fault at its rate: `{"429": (0.2, refusal(429))}`."""
    dice = random.Random(seed)

    def handler(body: dict[str, Any]) -> Any:
        drawn = dice.random()
        for rate, fault in faults.values():
            if drawn < rate:
                return fault
            drawn -= rate
        return answer(body) if callable(answer) else answer

    return handler


@dataclass
class StubServer:
    """Listens while its `async with` block lasts; keeps every body and header it was sent."""

    handler: Any
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    models: list[str] | None = None
    """What it lists when it is asked; such a question is no body."""
    in_flight: int = 0
    most_in_flight: int = 0
    dropped: int = 0
    """Requests whose client went away before the answer."""
    url: str = ""
    port: int = 0
    """Chosen by the system at first, and kept."""

    async def up(self) -> None:
        """Listen, at first or again."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=2048, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def down(self) -> None:
        """Refuse connections, and break those that there are."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.down()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - it looks at a socket's state
                await asyncio.sleep(0.005)

    @property
    def connections(self) -> int:
        """Open at the moment."""
        assert self._runner.server
        return len(self._runner.server.connections)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(request)
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.models is not None and request.method == "GET":
            return web.json_response({"data": [{"id": name} for name in self.models]})
        body = json.loads(await request.read() or b"{}")
        self.bodies.append(body)
        self.headers.append(request.headers)
        self.paths.append(request.path_qs)
        answer = self.handler(body) if callable(self.handler) else self.handler
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Fault):
            return await self.FAULTS[answer.name](request, answer)
        if isinstance(answer, web.Response):
            # Prepared responses cannot be sent twice; handlers may give the same one again.
            return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
        return web.json_response(answer)

    @staticmethod
    async def _reset(request: web.Request, fault: Fault) -> web.StreamResponse:
        """RST instead of an answer: a close that does not linger."""
        assert request.transport is not None
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response()

    @staticmethod
    async def _closed(request: web.Request, fault: Fault) -> web.StreamResponse:
        """A clean close without a byte, as a keep-alive connection that ends under a request."""
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    @staticmethod
    async def _half_closed(request: web.Request, fault: Fault) -> web.StreamResponse:
        """The server says that it will send no more, half-way through, and keeps listening."""
        assert request.transport is not None
        _write(request, [_head(1000), b'{"choices": [{"mess'])
        request.transport.write_eof()
        await asyncio.sleep(fault.seconds)
        return web.Response()

    @staticmethod
    async def _short(request: web.Request, fault: Fault) -> web.StreamResponse:
        """Content-Length promises more than comes."""
        assert request.transport is not None
        payload = json.dumps(reply("cut")).encode()
        _write(request, [_head(len(payload) + 100), payload])
        request.transport.close()
        return web.Response()

    @staticmethod
    async def _long(request: web.Request, fault: Fault) -> web.StreamResponse:
        """Content-Length promises less than comes, so the JSON ends half-way."""
        assert request.transport is not None
        payload = json.dumps(reply("cut")).encode()
        _write(request, [_head(len(payload) - 20), payload])
        request.transport.close()
        return web.Response()

    @staticmethod
    async def _drip(request: web.Request, fault: Fault) -> web.StreamResponse:
        """A byte now and then: never idle, never done."""
        _write(request, [_head(100_000)])
        for _ in range(int(fault.seconds / 0.02)):
            _write(request, [b" "])
            await asyncio.sleep(0.02)
        return web.Response()

    @staticmethod
    async def _hang(request: web.Request, fault: Fault) -> web.StreamResponse:
        await asyncio.sleep(fault.seconds)
        return web.Response()

    @staticmethod
    async def _garbage(request: web.Request, fault: Fault) -> web.StreamResponse:
        """Not HTTP at all."""
        assert request.transport is not None
        _write(request, [b"\x16\x03\x01 what is this\r\n\r\n"])
        request.transport.close()
        return web.Response()

    FAULTS = {  # noqa: RUF012 - a table, not a field
        "reset": _reset,
        "closed": _closed,
        "half_closed": _half_closed,
        "short": _short,
        "long": _long,
        "drip": _drip,
        "hang": _hang,
        "garbage": _garbage,
    }


def _head(length: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def _write(request: web.Request, parts: Iterable[bytes]) -> None:
    assert request.transport is not None
    if not request.transport.is_closing():
        request.transport.write(b"".join(parts))
