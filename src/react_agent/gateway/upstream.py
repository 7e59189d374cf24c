"""The real endpoint behind the gateway: asked with the real key, as patiently as any other."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from react_agent.errors import EndpointRefused, InfrastructureError, ModelError
from react_agent.gateway.protocols import Protocol, Reading
from react_agent.model import Body as Request
from react_agent.model import Reply
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import failure, failure_in_reply
from react_agent.models.patience.retry import patiently, retry_after
from react_agent.models.providers.addresses import http_url
from react_agent.models.providers.connections import named_faults, open_session
from react_agent.models.providers.headers import header_value
from react_agent.models.providers.opening import Patience
from react_agent.models.providers.wire import MAX_ERROR, Body, Wire

_PASSED = ("accept", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta")
"""Headers of a request that go on; the others may name an account, a coding, a way of their own."""
Send = Callable[[bytes], Awaitable[None]]


@dataclass
class Passage:
    """One request on its way through: what is sent on, and what has come back."""

    protocol: Protocol
    body: dict[str, Any]
    headers: Mapping[str, str]
    open: Callable[[str, Mapping[str, str]], Awaitable[Send]]
    """Begins the answer to the agent, once there is one; from content type and headers."""
    attempts: int = 0
    begun: bool = False
    """Something of the answer has reached the agent, so that it cannot be asked for again."""
    reading: Reading = field(init=False)
    refusal: bytes = b""
    """The endpoint's own words, where they are for the agent to read."""

    def __post_init__(self) -> None:
        self.reading = Reading(self.protocol)


class Upstream(Wire):
    """One address and its key."""

    def __init__(
        self,
        protocol: Protocol,
        url: str,
        key: str,
        patience: Patience,
    ) -> None:
        self.protocol, self._key = protocol, header_value(key)
        self._session: aiohttp.ClientSession | None = None
        super().__init__(http_url(url, "the base URL (--base_url)"), patience, secrets=(self._key,))

    async def pass_on(self, passage: Passage) -> Reply:
        """Ask until there is an answer or patience ends, and hand it to the agent as it comes.

        Raises ModelError, as `ask` does.
        """
        try:
            reply = await patiently(
                lambda seconds: self._attempt_passing(passage, seconds),
                self.policy,
                self.breaker,
                self.pace,
                self.stats,
            )
        except EndpointRefused as error:
            error.owed = error.owed or self.answers
            raise
        self.stats.answered(reply)
        return reply

    async def _attempt_passing(self, passage: Passage, seconds: float) -> Reply:
        passage.attempts += 1
        passage.reading = Reading(self.protocol)
        try:
            async with asyncio.timeout(seconds):
                return await self._sent(passage)
        except TimeoutError:
            fault = Fault("timeout", f"no whole reply within {seconds:g} s")
            raise self._final(passage, fault) from None
        except (Fault, ModelError) as error:
            error.args = (self._hide(str(error)),)
            raise self._final(passage, error) from None

    def _final(self, passage: Passage, error: Exception) -> Exception:
        """What has begun to arrive cannot be asked for again behind the agent's back."""
        if passage.begun and isinstance(error, Fault):
            return InfrastructureError(f"{self.where}: the answer broke off: {error}")
        return error

    async def _sent(self, passage: Passage) -> Reply:
        given = {name: passage.headers[name] for name in _PASSED if name in passage.headers}
        headers = {**given, **self.protocol.headers(self._key), "Content-Type": "application/json"}
        payload = json.dumps(passage.body, ensure_ascii=False).encode("utf-8", "replace")
        self._session = self._session or open_session()
        with named_faults(self.where):
            async with self._session.post(
                self.url, data=payload, headers=headers, proxy=self.proxy, allow_redirects=False
            ) as response:
                if not 200 <= response.status < 300:
                    raise await self._refused(passage, response)
                if response.content_type == "text/event-stream":
                    return await self._stream(passage, response)
                return await self._whole(passage, response)

    async def _refused(self, passage: Passage, response: aiohttp.ClientResponse) -> Exception:
        raw = (await response.content.read(MAX_ERROR)).decode("utf-8", "replace")
        words = self._hide(raw)
        error = failure(response.status, words, retry_after(response.headers.get("Retry-After")))
        if isinstance(error, ModelError) and not error.fatal:
            passage.refusal = words.encode()
        return error

    async def _whole(self, passage: Passage, response: aiohttp.ClientResponse) -> Reply:
        body = Body()
        async for chunk in response.content.iter_any():
            body.add(chunk)
        answer = passage.reading.whole(body.whole)
        if not answer:
            raise Fault("garbled", "the reply is no JSON object")
        if error := failure_in_reply(answer):
            raise error
        await (await self._opened(passage, response))(body.whole)
        return _reply(passage, body.whole)

    async def _stream(self, passage: Passage, response: aiohttp.ClientResponse) -> Reply:
        """Held back until its first event: an endpoint may begin with 200 and then say that it is
        overloaded."""
        body, waiting = Body(), b""
        send: Send | None = None
        async for chunk in response.content.iter_any():
            body.add(chunk)
            events = passage.reading.feed(chunk)
            if send is None and events and (error := failure_in_reply(events[0])):
                raise error
            waiting += chunk
            if events or send:
                send = send or await self._opened(passage, response)
                await send(waiting)
                waiting = b""
        if send is None:
            raise Fault("empty", "the stream ended without an event")
        if waiting:
            await send(waiting)
        return _reply(passage, body.whole)

    async def _opened(self, passage: Passage, response: aiohttp.ClientResponse) -> Send:
        passage.begun = True
        shown = ("request-id", "x-request-id")
        headers = {name: response.headers[name] for name in shown if name in response.headers}
        return await passage.open(response.headers.get("Content-Type", ""), headers)

    async def close(self) -> None:
        if self._session:
            await self._session.close()


class PassingTransport:
    """One passage as a transport, so that caps stand around it as around any call."""

    def __init__(self, upstream: Upstream, passage: Passage) -> None:
        self.upstream, self.passage = upstream, passage

    async def send(self, body: Request) -> Reply:
        return await self.upstream.pass_on(self.passage)


def _reply(passage: Passage, raw: bytes) -> Reply:
    """The text only where nothing was counted: caps then go by its length."""
    usage = passage.reading.usage
    counted = usage.prompt_tokens or usage.completion_tokens
    return Reply(text="" if counted else raw.decode("utf-8", "replace"), usage=usage)
