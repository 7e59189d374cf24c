"""The way out of the SDKs: one aiohttp pool for hundreds of calls in flight.

Their own transports keep cookies, which ties all calls to one machine behind a balancer, read
a reply of any size, and tell apart too little of what can fail.
"""

import contextlib
import http.cookiejar
import io
import logging
import ssl
from collections.abc import Iterator

import aiohttp
import httpx2
from yarl import URL

from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import MAX_LINE
from react_agent.models.providers.wire import (
    CONNECT_SECONDS,
    IDLE_SECONDS,
    Body,
    proxy_refused,
    untrusted,
)
from react_agent.text import one_line


def open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@contextlib.contextmanager
def named_faults(where: str) -> Iterator[None]:
    """Every way a connection can fail becomes a Fault, or EndpointRefused where none can help."""
    try:
        yield
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        raise untrusted(where, error) from None
    except aiohttp.ServerTimeoutError:
        line = f"no connection within {CONNECT_SECONDS:g} s"
        raise Fault("connection", line, unreachable=True) from None
    except aiohttp.ClientHttpProxyError as error:
        line = f"the proxy answers HTTP {error.status} {one_line(error.message, MAX_LINE)}".rstrip()
        if error.status in (401, 403, 407):
            raise proxy_refused(where, line) from None
        raise Fault("connection", line) from None
    except (aiohttp.ClientError, OSError) as error:
        line = f"{type(error).__name__}: {one_line(str(error), MAX_LINE)}".rstrip(": ")
        nowhere = isinstance(error, aiohttp.ClientConnectorError)
        raise Fault("connection", line, unreachable=nowhere) from None


def pooled(where: str, proxy: URL | None) -> httpx2.AsyncClient:
    """What an SDK is given for its HTTP client."""
    # It would log whole addresses, and a query can hold a key.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # Cookies would tie all calls to one machine behind a balancer.
    none = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.AsyncClient(transport=Pool(where, proxy), cookies=none, trust_env=False)


class Pool(httpx2.AsyncBaseTransport):
    """Sends what the SDK has made. Every way a connection can fail becomes a Fault."""

    def __init__(self, where: str, proxy: URL | None) -> None:
        self.where, self.proxy = where, proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._session = self._session or open_session()
        # aiohttp warns about large bytes, which it would write in one piece.
        payload = request.content
        with named_faults(self.where):
            async with self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                data=payload if len(payload) < 2**20 else io.BytesIO(payload),
                headers=request.headers.multi_items(),
                proxy=self.proxy,
                allow_redirects=False,  # the key goes to the address it was given for
            ) as response:
                body = Body()
                async for chunk in response.content.iter_any():
                    body.add(chunk)
                headers = response.headers.copy()
                headers.pop("Content-Encoding", None)  # undone by aiohttp
                return httpx2.Response(
                    response.status, headers=list(headers.items()), content=body.whole
                )

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()
