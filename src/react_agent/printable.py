"""Text of others for terminals and logs: nothing in it acts on them."""

import re

_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and what turns the direction of a line."""


def printable(text: str) -> str:
    return _ACTING.sub("\ufffd", text)
