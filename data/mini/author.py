"""The demo's model: a script that answers as a competent small model would. It measures nothing."""

import re
from collections.abc import Callable

import author_analysts
import author_evolver
import author_model
from author_model import Messages

ROLES: tuple[tuple[str, Callable[[Messages], str]], ...] = (
    (r"^You are a spreadsheet agent", author_model.agent),
    (r"^You are an error analyst", author_analysts.error_analyst),
    (r"^You are a success analyst", author_analysts.success_analyst),
    (r"^You improve a skill", author_evolver.propose),
    (r"^You merge patches", author_evolver.merge),
)
"""How each role is recognised by its system prompt, and the function that plays it."""


def reply(messages: Messages) -> str:
    """Raises LookupError for a prompt that no role plays."""
    system = next((m["content"] for m in messages if m["role"] == "system"), "")
    for recognised_by, role in ROLES:
        if re.search(recognised_by, system):
            return role(messages)
    raise LookupError(f"no role for a system prompt that starts with {system[:80]!r}")
