"""The gateway itself: a server on the loopback that knows its cases by their keys.

    async with Gateway("messages", settings, connection) as gateway:
        with gateway.visit(record=folder / "requests" / "1.jsonl") as visit:
            ...  # an agent is given visit.url (or visit.socket) and visit.key
        print(visit.usage)

The real key never leaves this process: what an agent sends in its place is the visit's key, which
ends with the visit. Budget, retries, the window of calls in flight and the end of a run are those
of the connection, shared with all that asks the same endpoint.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from react_agent.errors import ContractError, InfrastructureError, ModelError
from react_agent.gateway.protocols import PROTOCOLS
from react_agent.gateway.upstream import Passage, PassingTransport, Send, Upstream
from react_agent.gateway.visits import Ending, Exchange, Visit, is_asked, stamp
from react_agent.model import Body, Reply, Usage
from react_agent.models.connect import Connection, asked_of
from react_agent.models.settings import ModelSettings
from react_agent.sandbox.process_folder import process_folder

log = logging.getLogger(__name__)

LARGEST_REQUEST = 64 * 2**20
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
        self._url, self._socket = "", Path()
        self._warned: set[str] = set()

    def describe(self) -> dict[str, Any]:
        """For run.json. The agent samples as it likes."""
        shown = {"client": f"gateway/{self.protocol.name}", "endpoint": self.upstream.where}
        return {"model": self.model, "source": "live", **shown}

    @contextlib.contextmanager
    def visit(self, *, record: Path | None = None, max_calls: int = 0) -> Iterator[Visit]:
        """A case's way in, while it lasts. `max_calls` 0: as many as it likes."""
        visit = Visit(self._url, self._socket, self.model, max_calls, record)
        if record:
            record.unlink(missing_ok=True)
        self._visits[visit.key] = visit
        try:
            yield visit
        finally:
            del self._visits[visit.key]

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._stack.enter_async_context(self.upstream)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._url = "http://{}:{}".format(*runner.addresses[0][:2])
        self._socket = process_folder("trace2skill-gateway-") / "door"
        await web.UnixSite(runner, self._socket).start()
        self._socket.chmod(0o666)  # a case has a user of its own; who enters needs a case's key
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self._stack.aclose()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
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
        raw = await request.read()
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return self._refuse("the request is no JSON object", 400)
        return await self._asked(visit, request, body, len(raw))

    async def _asked(
        self, visit: Visit, request: web.Request, body: dict[str, Any], size: int
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
        if self.protocol.name == "chat" and body.get("stream"):
            options = body.get("stream_options")
            return {**body, "stream_options": {**(options or {}), "include_usage": True}}
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
    request: web.Request
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
        self.answer = web.StreamResponse(headers={**headers, "Content-Type": content_type})
        await self.answer.prepare(self.request)
        return self.answer.write

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


def _key(headers: Mapping[str, str]) -> str:
    """As the protocols' clients send it."""
    given = headers.get("x-api-key") or headers.get("Authorization", "")
    return given.removeprefix("Bearer ").strip()
