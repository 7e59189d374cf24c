"""Shared by all tests: no network but the loopback, the stub server, the shared data set."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from project import SHARED
from stub_server import StubServer

SHARED_DATA = SHARED / "spreadsheetbench_verified_first200"


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """No test reaches a paid model or a download by accident. Nothing else is ever patched."""
    real = socket.socket.connect, socket.socket.connect_ex

    def guarded(connect: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
                raise AssertionError(f"a test wants to connect to {address[0]}")
            return connect(self, address)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(real[0]))
        patch.setattr(socket.socket, "connect_ex", guarded(real[1]))
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep for later runs stays within the test run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def stub_server() -> type[StubServer]:
    """`async with stub_server(handler) as server:`; see `tests/helpers/stub_server.py`."""
    return StubServer


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The first 200 tasks of SpreadsheetBench Verified, which are not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{SHARED_DATA.name} is not at ../shared/data")
    return SHARED_DATA
