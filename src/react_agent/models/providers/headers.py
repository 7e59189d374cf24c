"""What clients put into the headers of a request."""

import os

from react_agent.errors import ContractError


def custom_headers(variable: str) -> dict[str, str]:
    """Headers that an SDK takes from its environment; their values can be secrets."""
    pairs = [line.partition(":") for line in os.environ.get(variable, "").splitlines()]
    return {name.strip(): value.strip() for name, _, value in pairs}


def header_value(key: str) -> str:
    """The key without the line break that files and shells leave behind."""
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ContractError("the API key holds characters that no key has; was it pasted whole?")
    return key
