"""The model of every reproduction here."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from project import MINI


@pytest.fixture(scope="module")
def author() -> Iterator[Callable[..., Any]]:
    """The demo's scripted model."""
    sys.path.insert(0, str(MINI))
    try:
        import author as script

        yield script.reply
    finally:
        sys.path.remove(str(MINI))
