"""The guard of all other tests: no test reaches anything but this machine."""

import asyncio
import socket

import pytest

from react_agent.models.providers.openai_compatible import OpenAIEndpoint


def test_an_address_elsewhere_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"wants to connect to 192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_client_for_an_address_elsewhere_is_refused() -> None:
    async def run() -> None:
        async with OpenAIEndpoint("http://192.0.2.1/v1", "EMPTY") as endpoint:
            await endpoint.send({"model": "m", "messages": []})

    with pytest.raises(AssertionError, match=r"wants to connect to 192\.0\.2\.1"):
        asyncio.run(run())
