"""One shared connection pool that posts JSON and does not give up easily.

Both wire protocols stand on it: sessions, deadlines, size bounds, retries and the hiding of
secrets are here and nowhere else.
"""

import asyncio
import io
import json
import ssl
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from react_agent.errors import ContractError, EndpointRefused, ModelError
from react_agent.model import Reply
from react_agent.models.patience.breaker import Breaker
from react_agent.models.patience.deadlines import Pace
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.refusals import MAX_LINE, failure, overflow_in_reply
from react_agent.models.patience.retry import Stats, patiently, retry_after
from react_agent.text import one_line

MAX_REPLY = 32 * 2**20
MAX_ERROR = 20_000
CONNECT_SECONDS = 30.0
IDLE_SECONDS = 15.0
"""Unused connections are closed before servers and proxies do it in the middle of a request."""
SHORTEST_SECRET = 6
"""EMPTY, none, x: what users give where no key is needed is not taken out of messages."""


class Wire:
    """Posts to one URL, at most as often at once as `limiter` lets it."""

    def __init__(
        self,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        timeout: float = 600.0,
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        stats: Stats | None = None,
    ) -> None:
        self.url, self.pace = url, Pace(timeout)
        self.where = shown(url)
        self.policy = policy or RetryPolicy()
        self.stats = stats or Stats()
        self.breaker = Breaker(limiter or Limiter(), self.policy, self.where)
        self.stats.limiter = self.breaker.limiter
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        raw = [part.partition("=")[2] for part in url.raw_query_string.split("&")]
        self.secrets = spellings([*secrets, url.query_string, *url.query.values(), *raw])
        self._proxy = _proxy(url)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, body: Mapping[str, Any], read: Callable[[Any], Reply]) -> Reply:
        """The reply that `read` makes of the response; it may raise Fault to have another.

        Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped).
        """
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

    async def _attempt(self, payload: bytes, read: Callable[[Any], Reply], seconds: float) -> Reply:
        try:
            status, wait, raw = await self._post(payload, seconds)
            if not 200 <= status < 300:
                words = self._hide(raw.decode("utf-8", "replace"))
                raise failure(status, words[:MAX_ERROR], wait)
            return understood(raw, read)
        except (Fault, ModelError) as error:
            error.args = (self._hide(str(error)),)
            raise

    async def _post(self, payload: bytes, seconds: float) -> tuple[int, float | None, bytes]:
        """Status, Retry-After and body. Every way a connection can fail becomes a Fault."""
        # aiohttp warns about large bytes, which it would write in one piece.
        data = payload if len(payload) < 2**20 else io.BytesIO(payload)
        try:
            async with asyncio.timeout(seconds):
                async with self._open_session().post(
                    self.url,
                    data=data,
                    headers=self._headers,
                    proxy=self._proxy,
                    allow_redirects=False,  # the key goes to the address it was given for
                ) as response:
                    wait = retry_after(response.headers.get("Retry-After"))
                    return response.status, wait, await _read(response)
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise EndpointRefused(
                f"{self.where}: its certificate is not trusted: {error}"
            ) from None
        except aiohttp.ServerTimeoutError:
            raise Fault(
                "connection", f"no connection within {CONNECT_SECONDS:g} s", unreachable=True
            ) from None
        except TimeoutError:
            raise Fault("timeout", f"no whole reply within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            words = one_line(str(error), MAX_LINE)
            line = f"{type(error).__name__}: {words}".rstrip(": ")
            nowhere = isinstance(error, aiohttp.ClientConnectorError)
            raise Fault("connection", line, unreachable=nowhere) from None

    @property
    def identity(self) -> str:
        """All that decides a reply besides the body; for hashing, since it may hold a key."""
        return f"{type(self).__name__} {self.url}"

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=300
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _hide(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
            for length in range(SHORTEST_SECRET, len(secret)):  # one that was cut short
                text = text.replace(f"{secret[:length]}…", "***…")
        return text

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.breaker.cancel()
        if self._session:
            await self._session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_REPLY:
            raise Fault("garbled", f"the reply is larger than {MAX_REPLY // 2**20} MiB")
    return b"".join(chunks)


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


def _proxy(url: URL) -> str | None:
    """The user's proxy, as other clients read it; aiohttp's own switch would also send ~/.netrc."""
    host = url.host or ""
    if host == "localhost" or host.startswith("127.") or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def spellings(secrets: Iterable[str]) -> list[str]:
    """As servers repeat them: plain, within an address, within JSON. The longest come first, as
    one may hold another."""
    found: set[str] = set()
    for secret in secrets:
        percent = {quote(secret, safe=safe) for safe in ("", "/", "/+", "/?=&+")}
        found |= {secret, *percent, json.dumps(secret)[1:-1], secret.replace("/", "\\/")}
    return sorted((s for s in found if len(s) >= SHORTEST_SECRET), key=len, reverse=True)


def http_url(text: str, what: str) -> URL:
    """Raises ContractError for what is no plain http(s) address."""
    try:
        url = URL(text.strip())
        host = url.host
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https"):
        raise ContractError(f"{what} has to start with http:// or https:// and name a host")
    if url.user or url.password:
        raise ContractError(f"{what} may not hold a user or password; give the key by itself")
    return url


def shown(url: URL) -> str:
    """The address as it may be shown: a query can hold a key."""
    return str(url.with_query(None).with_fragment(None).with_user(None))
