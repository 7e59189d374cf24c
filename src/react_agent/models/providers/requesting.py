"""What all users of `requests` here share: whom they trust, and what its errors mean."""

import os
import ssl

import urllib3

NOBODY_THERE = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


def trusted() -> str | bool:
    """The certificates of the user, else of the system, else those that come with `requests`."""
    given = os.environ.get("REQUESTS_CA_BUNDLE")
    return given or ssl.get_default_verify_paths().cafile or True


def reason(error: Exception) -> Exception:
    """What lies below: the errors of `requests` repeat the address, which can hold a key."""
    inner = error.args[0] if error.args else None
    below = getattr(inner, "reason", None) or inner
    return below if isinstance(below, Exception) else error


def unreachable(error: Exception) -> bool:
    """Not even a connection was made."""
    return isinstance(reason(error), NOBODY_THERE)
