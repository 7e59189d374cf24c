"""A conversation with a model, until its reply is whole and can be read.

A reply cut off is continued, a reply that cannot be read is sent back with the reader's reason;
both only so often.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from react_agent.errors import ContextOverflow, FormatError
from react_agent.model import Message, Model, Role, Usage

CONTINUATIONS = 2
"""How often a reply that was cut off is continued."""
CORRECTIONS = 2
"""How often a reply that cannot be read is sent back."""
SAME_START = 30
"""Characters that a second reply has in common with the first when it begins again."""
REPEATED = 200
"""At most as many characters of what it goes on from does a continuation repeat."""

T = TypeVar("T")


@dataclass(frozen=True)
class Reading(Generic[T]):
    """The reply that was read, or the last one and why it could not be."""

    text: str
    """Continuations are joined to it."""
    value: T | None = None
    error: FormatError | None = None
    corrections: int = 0


@dataclass
class Conversation:
    """A model and all that was said to it."""

    model: Model
    messages: list[Message]
    go_on: str
    """What a reply that was cut off is answered with."""
    usage: Usage = field(default_factory=Usage)
    continued: int = 0
    cut_off: bool = False
    """The last reply was still incomplete after all continuations."""

    async def ask(self, question: str) -> str:
        """Put a question and take the whole reply; nothing when the conversation is too long.

        Raises ModelError.
        """
        self._say("user", question)
        try:
            return await self.answer()
        except ContextOverflow:
            return ""

    async def answer(self) -> str:
        """The whole reply to what was said last. Raises ModelError."""
        whole = ""
        for attempt in range(1 + CONTINUATIONS):
            if attempt:
                self.continued += 1
                self._say("user", self.go_on)
            reply = await self.model.reply(self.messages)
            self.usage += reply.usage
            whole = _joined(whole, reply.text, reply.cut_off)
            self.cut_off = reply.cut_off
            self._say("assistant", reply.text or "(empty reply)")
            if not reply.cut_off:
                break
        return whole

    async def read(
        self,
        text: str,
        reader: Callable[[str], T],
        complaint: Callable[[str], str],
        corrections: int = CORRECTIONS,
    ) -> Reading[T]:
        """Read a reply; `complaint` puts the reason of a FormatError into words for the model.

        A correction that brings nothing leaves the reply before it. Raises ModelError.
        """
        for done in range(1 + corrections):
            try:
                return Reading(text, reader(text), corrections=done)
            except FormatError as error:
                reason = error
            if done < corrections:
                text = await self.ask(complaint(str(reason))) or text
        return Reading(text, error=reason, corrections=corrections)

    def _say(self, role: Role, text: str) -> None:
        """Two messages of one role in a row are one: some endpoints refuse them."""
        if self.messages and self.messages[-1].role == role:
            text = f"{self.messages.pop().text}\n\n{text}"
        self.messages.append(Message(role=role, content=text))


def _joined(whole: str, more: str, cut_off: bool) -> str:
    """Asked to go on, some models begin again: then the better of the two replies stands alone.
    Others repeat their last words, which are needed once."""
    start = whole.strip()[:SAME_START]
    if len(start) > 8 and more.strip().startswith(start):
        return max(whole, more, key=len) if cut_off else more
    more = without_second_fence(whole, more)
    sizes = range(min(len(whole), len(more), REPEATED), 12, -1)
    repeated = next((size for size in sizes if whole.endswith(more[:size])), 0)
    return whole + more[repeated:]


def without_second_fence(text: str, more: str) -> str:
    """What a reply goes on with, without the fence that some models open once more for it."""
    fences = re.findall(r"^[ \t]*`{3,}[ \t]*(\w*)", text, re.MULTILINE)
    again = re.match(r"\s*`{3,}[ \t]*(\w*)[ \t]*\n", more)
    if len(fences) % 2 == 0 or not again:
        return more
    within_line = not text.endswith(("\n", "\\n", "}", "]"))
    same = bool(again[1]) and again[1].lower() == fences[-1].lower()
    return more[again.end() :] if same or (within_line and not again[1]) else more
