"""Posts JSON to one address and does not give up easily.

Both clients stand on it: deadlines, retries, size bounds and the hiding of secrets are here. How
a request gets there and back is the client's own.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

from yarl import URL

from react_agent.errors import ContextOverflow, EndpointRefused, ModelError, PromptRefused
from react_agent.model import Body as Request
from react_agent.model import Reply
from react_agent.models.patience.breaker import Breaker
from react_agent.models.patience.deadlines import Pace
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import failure, overflow_in_reply
from react_agent.models.patience.retry import patiently, retry_after
from react_agent.models.providers.addresses import key_parts, proxy_for, shown
from react_agent.models.providers.hiding import Hidden, spellings
from react_agent.models.providers.opening import Patience
from react_agent.models.providers.parameters import Parameters, no_room
from react_agent.text import one_line

MAX_REPLY = 32 * 2**20
MAX_ERROR = 20_000
CONNECT_SECONDS = 30.0
IDLE_SECONDS = 15.0
"""Unused connections are closed before servers and proxies do it in the middle of a request."""
FORBIDDEN = 403
PROBE = {"role": "user", "content": "Say OK."}
"""A prompt that no filter refuses."""


class Answer(NamedTuple):
    status: int
    retry_after: str | None
    body: bytes


class Body:
    """What has come of a reply so far; never more than MAX_REPLY bytes."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > MAX_REPLY:
            raise Fault("garbled", f"the reply is larger than {MAX_REPLY // 2**20} MiB")

    @property
    def whole(self) -> bytes:
        return b"".join(self._chunks)


class Wire:
    """Posts to one URL, at most as often at once as `limiter` lets it."""

    def __init__(
        self,
        url: URL,
        patience: Patience | None,
        *,
        secrets: Iterable[str] = (),
    ) -> None:
        patience = patience or Patience()
        self.url, self.pace = url, Pace(patience.timeout)
        self.where = shown(url)
        self.proxy = proxy_for(url)
        self.policy, self.stats = patience.policy, patience.stats
        self.breaker = Breaker(patience.limiter, self.policy, self.where)
        self.stats.limiter = patience.limiter
        self.parameters = Parameters(self.where)
        raw = [part.partition("=")[2] for part in url.raw_query_string.split("&")]
        proxied = [self.proxy.password or "", self.proxy.raw_password or ""] if self.proxy else []
        known = [*secrets, *key_parts(url), *url.query.values(), *raw, *proxied]
        self.hidden, self.secrets = Hidden(known), spellings([*known, url.query_string])

    async def ask(
        self,
        body: Request,
        read: Callable[[Any], Reply],
        wrap: Callable[[Request], Mapping[str, Any]] = lambda body: body,
    ) -> Reply:
        """The reply that `read` makes of the response to `wrap(body)`; it may raise Fault to have
        another. Parameters that the endpoint does not take are left out of the body.

        Raises ModelError (ContextOverflow, PromptRefused, InfrastructureError, EndpointRefused,
        RunStopped).
        """
        while True:
            sent = self.parameters.fit(body)
            try:
                return await self._reply(wrap(sent), read)
            except ContextOverflow as error:
                raise no_room(error, sent, answered=self.answers) from None
            except EndpointRefused as error:
                # A used-up account is owed already, and not in doubt.
                doubtful = error.status == FORBIDDEN and not error.owed
                if doubtful and await self._answers_others(sent, read, wrap):
                    what = str(error).partition("; ")[0]
                    raise PromptRefused(f"{what}; other prompts are answered") from None
                error.owed = error.owed or self.answers
                raise
            except ModelError as error:
                if not self.parameters.learn(error, sent):
                    raise

    @property
    def answers(self) -> bool:
        """Whether the endpoint has ever answered this start."""
        return self.stats.calls > 0

    async def _answers_others(
        self,
        sent: Request,
        read: Callable[[Any], Reply],
        wrap: Callable[[Request], Mapping[str, Any]],
    ) -> bool:
        """Whether a 403 is about one prompt (a filter before the model) and not about the key."""
        try:
            await self._reply(wrap({**sent, "messages": [PROBE]}), read)
        except ModelError:
            return False
        return True

    async def _reply(self, body: Mapping[str, Any], read: Callable[[Any], Reply]) -> Reply:
        payload = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        reply = await patiently(
            lambda seconds: self._attempt(payload, read, seconds),
            self.policy,
            self.breaker,
            self.pace,
            self.stats,
        )
        self.stats.answered(reply)
        return reply

    async def post(self, payload: bytes, seconds: float) -> Answer:
        """One attempt of at most so many seconds. Raises Fault or EndpointRefused."""
        raise NotImplementedError

    async def close(self) -> None:
        """Give back the connections."""

    async def _attempt(self, payload: bytes, read: Callable[[Any], Reply], seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                answer = await self.post(payload, seconds)
            if not 200 <= answer.status < 300:
                # Cut first: hiding looks at every character.
                words = self._hide(answer.body[:MAX_ERROR].decode("utf-8", "replace"))
                raise failure(answer.status, words, retry_after(answer.retry_after))
            return understood(answer.body, read)
        except TimeoutError:
            raise Fault("timeout", f"no whole reply within {seconds:g} s") from None
        except (Fault, ModelError) as error:
            error.args = (self._hide(str(error)),)
            raise

    @property
    def identity(self) -> str:
        """All that decides a reply besides the body; for hashing, since it may hold a key."""
        return f"{type(self).__name__} {self.url}"

    def _hide(self, text: str) -> str:
        return self.hidden.hide(text)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ended: object) -> None:
        self.breaker.cancel()
        await self.close()


def untrusted(where: str, error: Exception) -> EndpointRefused:
    return EndpointRefused(f"{where}: its certificate is not trusted: {error}")


def proxy_refused(where: str, line: str) -> EndpointRefused:
    return EndpointRefused(
        f"{where}: {line}; check user and password in http_proxy or https_proxy, or put the host "
        "into no_proxy"
    )


def understood(raw: bytes, read: Callable[[Any], Reply]) -> Reply:
    try:
        return read(_json(raw))
    except Fault as fault:
        # Servers have put this one error into a 200 as plain text, or as a bare `message`.
        if fault.kind == "garbled" and (overflow := overflow_in_reply(raw)):
            raise overflow from None
        raise


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        start = one_line(raw[:200].decode("utf-8", "replace"), 80)
        raise Fault("garbled", f"the reply is not JSON: {start!r}" if raw else "no body") from None
