"""Whether an endpoint answers, takes the key and knows the model. No model is called."""

import asyncio
import difflib
import json
import os
import ssl
from dataclasses import replace
from typing import Any

import aiohttp
from yarl import URL

from react_agent.errors import ContractError
from react_agent.models.providers import anthropic_messages
from react_agent.models.providers.addresses import proxy_for, shown
from react_agent.models.providers.hiding import Hidden
from react_agent.models.providers.known import NO_KEY, Known
from react_agent.models.providers.openai_compatible import find_key, models_url, on_azure
from trace2skill.doctor.checks import Check, Level

SECONDS = 10.0
MOST = 4 << 20
ANTHROPIC = {"anthropic-version": "2023-06-01"}


async def check_endpoint(
    base_url: str | None, api_key: str | None, model: str | None, known: Known | None = None
) -> Check:
    """Only whether there is a key is told, never the key; nor what the server says of it."""
    base_url = known.address(base_url) if known else base_url
    azure = on_azure(base_url)
    asked = bool(base_url or api_key or azure or os.environ.get("OPENAI_BASE_URL"))
    try:
        url, wanted = _where(base_url, known)
        proxy = proxy_for(url)
    except ContractError as error:
        return _say("error", str(error), "such as http://localhost:8000/v1")
    try:
        key = (known.key(api_key) if known else find_key(api_key, azure=azure)).strip()
    except ContractError as error:
        return _without_key(asked, shown(url), str(error))
    where = f"{shown(url)}, {'no key' if known and key == NO_KEY else 'key present'}"
    try:
        headers = {"api-key": key} if azure else {"Authorization": f"Bearer {key}"}
        headers = {**wanted, "x-api-key": key} if wanted else headers
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async with session.get(
                url, headers=headers, proxy=proxy, allow_redirects=False
            ) as response:
                status, body = response.status, await _read(response)
    except (aiohttp.ClientError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        mend = "start the server, or look at --base_url and the network"
        return _say("error", f"{where}: {_reason(error)}", mend)
    found = _judge(where, status, body, model, known)
    # What the server sends is quoted, and some echo what they were sent.
    hide = Hidden([key]).hide
    return replace(found, says=hide(found.says), mend=hide(found.mend))


def _where(base_url: str | None, known: Known | None) -> tuple[URL, dict[str, str]]:
    """The address of the list, and what its protocol wants besides the key."""
    if known and known.client == anthropic_messages.NAME:
        return anthropic_messages.models_url(known.address(base_url)), ANTHROPIC
    return models_url(base_url), {}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > MOST:
            break
    return bytes(body)


def _without_key(asked: bool, where: str, why: str) -> Check:
    mend = why.partition(": ")[2]
    if asked:
        return _say("error", f"{where}: no key", mend)
    return _say(
        "warning", "no key, so only recorded replies (--replay, the demo) can be used", mend
    )


def _reason(error: BaseException) -> str:
    """By kind: the text of an error may repeat headers or a query."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError):
        return "the certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number).lower() if number else "no connection"
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} seconds"
    return f"no proper answer ({type(error).__name__})"


def _judge(
    where: str, status: int, body: bytes, model: str | None, known: Known | None = None
) -> Check:
    if status in (401, 403):
        return _say("error", f"{where}: the key is refused (HTTP {status})", "look at the key")
    if status in (404, 405, 501):
        says = f"{where}: answers, but lists no models (HTTP {status})"
        return _say("warning", says, "look whether the base URL ends with /v1, as most do")
    if status == 429:
        return _say("warning", f"{where}: answers, but asks for less haste (HTTP 429)")
    if status != 200:
        return _say("error", f"{where}: HTTP {status}", "look at the server's log")
    names = _names(body)
    if names is None:
        return _say("warning", f"{where}: answers, but not with a list of models")
    if known:
        names = [name.removeprefix(known.listed_as) for name in names]
        where += ", which nobody has looked at" * known.lists_to_anybody
    if not model:
        return _say("ok", f"{where}: models listed: {len(names)}")
    if model in names:
        return _say("ok", f"{where}: knows {model}")
    near = difflib.get_close_matches(model, names, n=3, cutoff=0.3) or names[:3]
    mend = f"--model, one of: {', '.join(near)}" if near else ""
    return _say("warning", f"{where}: does not list {model}", mend)


def _names(body: bytes) -> list[str] | None:
    try:
        value: Any = json.loads(body)
        # Together sends the list by itself.
        listed = value if isinstance(value, list) else value["data"]
        return [str(entry["id"]) for entry in listed]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _say(level: Level, says: str, mend: str = "") -> Check:
    return Check(level, "endpoint", says, mend)
