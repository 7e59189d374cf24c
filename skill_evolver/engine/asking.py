"""Ask a model for something that can be read, such as a patch: continued when cut off, sent back
when it cannot be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from react_agent.conversation import CORRECTIONS, Conversation
from react_agent.model import Message, Model, Usage
from react_agent.templates import Prompts
from skill_evolver.patches.codecs import PatchFormatError
from skill_evolver.patches.patch import Patch

PROMPTS = Prompts("skill_evolver")
T = TypeVar("T")


@dataclass
class Talk(Generic[T]):
    """What was said after the first prompt, and what could be read from it."""

    value: T | None = None
    """None when no reply could be read whole."""
    partial: Patch | None = None
    """Of an unreadable reply, the edits that were fine."""
    text: str = ""
    """The reply that was read, or the last one; continuations are joined to it."""
    turns: list[Message] = field(default_factory=list)
    complaint: str = ""
    usage: Usage = field(default_factory=Usage)
    continued: int = 0
    fixed: int = 0


async def ask(
    model: Model,
    messages: Sequence[Message],
    parse: Callable[[str], T],
    fixes: int = CORRECTIONS,
) -> Talk[T]:
    """Raises ModelError when the endpoint fails; an unreadable reply is a Talk without a value."""
    talk = Conversation(model, list(messages), PROMPTS.render("retry/continue.j2"))
    found = await talk.read(await talk.answer(), parse, _complaint, fixes)
    error = found.error
    return Talk(
        value=found.value,
        partial=error.partial if isinstance(error, PatchFormatError) else None,
        text=found.text,
        turns=talk.messages[len(messages) :],
        complaint=str(error or ""),
        usage=talk.usage,
        continued=talk.continued,
        fixed=found.corrections,
    )


def _complaint(reason: str) -> str:
    return PROMPTS.render("retry/fix.j2", complaint=reason)
