"""The gateway itself: a server on the loopback that knows its cases by their keys.

    async with Gateway("messages", settings, connection) as gateway:
        async with gateway.visit(record=folder / "requests" / "1.jsonl") as visit:
            ...  # an agent is given visit.url (or visit.socket) and visit.key
        print(visit.usage)

The real key never leaves this process: what an agent sends in its place is the visit's key, which
ends with the visit. Budget, retries, the window of calls in flight and the end of a run are those
of the connection, shared with all that asks the same endpoint.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from react_agent.errors import ContractError, InfrastructureError, ModelError
from react_agent.gateway.protocols import PROTOCOLS, inner, own_work
from react_agent.gateway.upstream import Passage, PassingTransport, Send, Upstream
from react_agent.gateway.visits import Ending, Exchange, Visit, is_asked, stamp
from react_agent.model import Body, Reply, Usage
from react_agent.models.connect import Connection, asked_of
from react_agent.models.settings import ModelSettings
from react_agent.sandbox.process_folder import process_folder

log = logging.getLogger(__name__)

HELD = 32 * 2**20
"""Bytes that one case's requests in flight may have together; no client sends as much."""
CONNECTIONS = 32
"""Of one case at a time; more are closed."""
OUT_OF_CALLS = "this case has made all the calls of the model that it may make"


class AgentsOnly:
    """In place of an endpoint that the toolkit would ask by itself."""

    async def send(self, body: Body) -> Reply:
        raise ContractError("the model of these runs is asked by their agents alone")


class Gateway:
    """Serves all cases of a stage; use `async with`, in the stage's own loop."""

    def __init__(self, protocol: str, settings: ModelSettings, connection: Connection) -> None:
        """Raises ContractError: no key, an address that does not fit."""
        self.protocol = PROTOCOLS[protocol]
        self.connection, self.model = connection, connection.name
        for flag in ("record", "replay", "reply_cache"):
            if getattr(settings, flag):
                raise ContractError(
                    f"--{flag} goes with the built-in agent: a client asks its model by itself"
                )
        if settings.generation_config:
            log.warning("--generation_config is not heeded: a client samples as it likes")
        asked = asked_of(settings, self.model)
        self.upstream = Upstream(
            self.protocol,
            self.protocol.url(asked.base_url, self.model),
            self.protocol.key(asked.api_key),
            connection.patience,
        )
        self._visits: dict[str, Visit] = {}
        self._stack = AsyncExitStack()
        self._url, self._doors = "", Path()
        self._numbers = itertools.count(1)
        self._warned: set[str] = set()

    def describe(self) -> dict[str, Any]:
        """For run.json. The agent samples as it likes."""
        shown = {"client": f"gateway/{self.protocol.name}", "endpoint": self.upstream.where}
        return {"model": self.model, "source": "live", **shown}

    @contextlib.asynccontextmanager
    async def visit(
        self, *, record: Path | None = None, max_calls: int = 0
    ) -> AsyncIterator[Visit]:
        """A case's way in, while it lasts. `max_calls` 0: as many as it likes."""
        place = self._doors / str(next(self._numbers))
        visit = Visit(self._url, place, self.model, max_calls, record)
        if record:
            record.unlink(missing_ok=True)
        self._visits[visit.key] = visit
        try:
            async with self._door(place):
                yield visit
        finally:
            del self._visits[visit.key]

    @contextlib.asynccontextmanager
    async def _door(self, place: Path) -> AsyncIterator[None]:
        """Of one case, so that what it opens there is bounded and no other case is kept out."""
        server = self._server()
        door = await asyncio.get_running_loop().create_unix_server(
            lambda: server() if len(server.connections) < CONNECTIONS else _Shut(),
            place,
            backlog=CONNECTIONS,
        )
        place.chmod(0o666)  # a case has a user of its own; who enters needs a case's key
        try:
            yield
        finally:
            door.close()
            await server.shutdown(0.0)
            place.unlink()

    async def __aenter__(self) -> Self:
        runner = web.ServerRunner(self._server())
        await self._stack.enter_async_context(self.upstream)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._url = "http://{}:{}".format(*runner.addresses[0][:2])
        self._doors = process_folder("trace2skill-gateway-")
        return self

    def _server(self) -> web.Server:
        return web.Server(self._serve, access_log=None, handler_cancellation=True)

    async def __aexit__(self, *ended: object) -> None:
        await self._stack.aclose()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response()
        visit = self._visits.get(_key(request.headers))
        if visit is None:
            return self._refuse("this key is no key of a running case", 401)
        if request.method == "GET" and request.path.endswith("/models"):
            found = {"id": self.model, "object": "model", "owned_by": "gateway"}
            return web.json_response({"object": "list", "data": [found]})
        if request.method != "POST" or not request.path.endswith(self.protocol.route):
            return self._refuse(f"the gateway knows no {request.method} {request.path}", 404)
        with visit.holding() as hold:
            pieces = []
            async for piece in request.content.iter_any():
                if hold(len(piece)) > HELD:
                    return self._refuse("the requests of this case are too large", 413)
                pieces.append(piece)
            raw = b"".join(pieces)
            body = _object(raw)
            if body is None:
                return self._refuse("the request is no JSON object", 400)
            return await self._asked(visit, request, body, len(raw))

    async def _asked(
        self, visit: Visit, request: web.BaseRequest, body: dict[str, Any], size: int
    ) -> web.StreamResponse:
        if (asked := body.get("model")) != self.model:
            return self._refuse(f"this run is of the model {self.model}, not of {asked}", 400)
        if visit.max_calls and visit.calls >= visit.max_calls:
            visit.out_of_calls = True
            visit.over.set()
            return self._refuse(OUT_OF_CALLS, 400)
        visit.calls += 1
        call = _Call(visit, request, size, bool(body.get("stream")), visit.calls)
        call.passage = Passage(self.protocol, self._fitted(body), request.headers, call.open)
        transport = self.connection.capped(PassingTransport(self.upstream, call.passage))
        # Budgets reckon with a text; how long the request is tells what it may cost.
        reckoned = {"model": self.model, "messages": [{"role": "user", "content": " " * size}]}
        try:
            await transport.send(reckoned)
            call.ending = "answered"
        except ModelError as error:
            call.problem = error
            call.ending = "broken off" if call.passage.begun else "refused"
        finally:
            call.write_down()
        visit.problem = call.problem
        self._compare(call.passage.reading.served)
        return await self._ended(call)

    async def _ended(self, call: "_Call") -> web.StreamResponse:
        error, passage = call.problem, call.passage
        if error is None or passage.begun:
            assert call.answer is not None
            if error is None:
                with contextlib.suppress(ConnectionError):  # the agent has left
                    await call.answer.write_eof()
            elif call.request.transport:
                call.request.transport.abort()  # so that the agent does not take it for whole
            return call.answer
        if error.fatal or isinstance(error, InfrastructureError):
            call.visit.over.set()
            return self._refuse(str(error), 400)  # what a client would try again is of no use
        if passage.refusal:
            return web.Response(
                body=passage.refusal, status=error.status, content_type="application/json"
            )
        return self._refuse(str(error), error.status or 400)

    def _fitted(self, body: dict[str, Any]) -> dict[str, Any]:
        """Counts are part of a stream of chat completions only where they are asked for."""
        body, taken = own_work(body)
        for name in sorted({*taken} - self._warned):
            self._warned.add(name)
            log.warning("%s is not passed on: it would lead out of the case", name)
        if self.protocol.name == "chat" and body.get("stream"):
            options = inner(body, "stream_options")
            return {**body, "stream_options": {**options, "include_usage": True}}
        return body

    def _compare(self, served: str) -> None:
        if not is_asked(self.model, served) and served not in self._warned:
            self._warned.add(served)
            log.warning(
                "%s answers as %s, and %s was asked for: results are of what answers",
                self.upstream.where,
                served,
                self.model,
            )

    def _refuse(self, words: str, status: int) -> web.Response:
        return web.json_response(dict(self.protocol.refusal(words, status)), status=status)


@dataclass
class _Call:
    """One request while it is served."""

    visit: Visit
    request: web.BaseRequest
    size: int
    stream: bool
    number: int
    passage: Passage = field(init=False)
    answer: web.StreamResponse | None = None
    ending: Ending = "left"
    problem: ModelError | None = None
    started: str = field(default_factory=stamp)
    clock: float = field(default_factory=time.monotonic)

    async def open(self, content_type: str, headers: Mapping[str, str]) -> Send:
        self.answer = answer = web.StreamResponse(headers={**headers, "Content-Type": content_type})

        async def send(piece: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # the agent has left; that is no fault
                await answer.write(piece)

        with contextlib.suppress(ConnectionError):
            await answer.prepare(self.request)
        return send

    def write_down(self) -> None:
        passage = self.passage
        self.visit.add(
            Exchange(
                number=self.number,
                route=self.request.path,
                asked=self.visit.model,
                served=passage.reading.served,
                stream=self.stream,
                ending=self.ending,
                error=str(self.problem or ""),
                attempts=passage.attempts,
                request_bytes=self.size,
                usage=passage.reading.usage if passage.begun else Usage(),
                started=self.started,
                seconds=round(time.monotonic() - self.clock, 3),
            )
        )


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _key(headers: Mapping[str, str]) -> str:
    """As the protocols' clients send it."""
    given = headers.get("x-api-key") or headers.get("Authorization", "")
    return given.removeprefix("Bearer ").strip()


class _Shut(asyncio.Protocol):
    """For who comes when all places are taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
