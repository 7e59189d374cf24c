"""One question to the model, and the rounds until its reply can be read.

A reply cut off is continued, a reply that cannot be read is sent back with the reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from react_agent.model import Message, Model, Usage
from react_agent.replies import without_second_fence
from react_agent.templates import Prompts
from skill_evolver.codecs import PatchFormatError
from skill_evolver.patch import Patch

MAX_CONTINUATIONS = 2
MAX_FIXES = 2
PROMPTS = Prompts("skill_evolver")


@dataclass
class Talk:
    """What was said after the first prompt, and what could be read from it."""

    patch: Patch | None = None
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
    model: Model, messages: Sequence[Message], parse: Callable[[str], Patch], fixes: int = MAX_FIXES
) -> Talk:
    """Raises ModelError when the endpoint fails; an unreadable reply is a Talk without a patch."""
    talk = Talk()
    for attempt in range(fixes + 1):
        talk.text = await _whole_reply(model, messages, talk)
        try:
            talk.patch = parse(talk.text)
            return talk
        except PatchFormatError as error:
            talk.complaint, talk.partial = str(error), error.partial
        if attempt < fixes:
            talk.fixed += 1
            question = PROMPTS.render("retry/fix.j2", complaint=talk.complaint)
            talk.turns.append(Message(role="user", content=question))
    return talk


async def _whole_reply(model: Model, messages: Sequence[Message], talk: Talk) -> str:
    """The next reply, with what was missing when it came cut off."""
    text = ""
    for attempt in range(MAX_CONTINUATIONS + 1):
        reply = await model.reply([*messages, *talk.turns])
        talk.usage += reply.usage
        talk.turns.append(Message(role="assistant", content=reply.text))
        text = _joined(text, reply.text)
        if not reply.cut_off or attempt == MAX_CONTINUATIONS:
            break
        talk.continued += 1
        question = PROMPTS.render("retry/continue.j2")
        talk.turns.append(Message(role="user", content=question))
    return text


def _joined(text: str, more: str) -> str:
    """A model that starts over instead of going on has sent the whole; one that repeats its last
    words has them once."""
    start = text.lstrip()[:60]
    if start and more.lstrip().startswith(start):
        return more
    more = without_second_fence(text, more)
    for size in range(min(len(text), len(more), 200), 12, -1):
        if text.endswith(more[:size]):
            return text + more[size:]
    return text + more
