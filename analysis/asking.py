"""Ask a model for a report: continued when cut off, sent back when unreadable or leaking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from analysis.leakage import LeakScan, split_leaking
from analysis.records import Kind, LessonItem
from analysis.reports import Report, parse_report
from react_agent.errors import ContextOverflow, FormatError
from react_agent.model import Message, Model, Usage
from react_agent.templates import Prompts

PROMPTS = Prompts("analysis")
CONTINUATIONS = 2
"""How often a reply that was cut off is continued."""
SAME_START = 30
"""Characters that a second answer has in common with the first when it begins again."""
CORRECTIONS = 2
"""How often a report without items is sent back."""


@dataclass
class Conversation:
    """A model and all that was said to it."""

    model: Model
    messages: list[Message] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    cut_off: bool = False
    """The last answer was still incomplete after all continuations."""

    async def ask(self, question: str) -> str:
        """Put a question and take the whole answer; nothing when the conversation is too long.

        Raises ModelError.
        """
        self._say("user", question)
        try:
            return await self.answer()
        except ContextOverflow:
            return ""

    async def answer(self) -> str:
        """The answer to what was said last."""
        whole = ""
        for attempt in range(1 + CONTINUATIONS):
            reply = await self.model.reply(self.messages)
            self.usage += reply.usage
            whole = _joined(whole, reply.text, reply.cut_off)
            self.cut_off = reply.cut_off
            self._say("assistant", reply.text or "(empty reply)")
            if not reply.cut_off:
                break
            if attempt < CONTINUATIONS:
                self._say("user", PROMPTS.render("continue.j2"))
        return whole

    def _say(self, role: str, text: str) -> None:
        """Two messages of one role in a row are one: some endpoints refuse them."""
        if self.messages and self.messages[-1].role == role:
            text = f"{self.messages.pop().content}\n\n{text}"
        self.messages.append(Message.model_validate({"role": role, "content": text}))


def _joined(whole: str, more: str, cut_off: bool) -> str:
    """Asked to go on, some models begin again; then the better of the two answers stands alone."""
    first = whole.strip()[:SAME_START]
    if len(first) > 8 and more.strip().startswith(first):
        return max(whole, more, key=len) if cut_off else more
    return whole + more


@dataclass(frozen=True)
class Lesson:
    """A report and what of it may be kept."""

    text: str
    report: Report
    kept: tuple[LessonItem, ...] = ()
    leaking: tuple[tuple[LessonItem, list[str]], ...] = ()

    @classmethod
    def of(cls, text: str, kind: Kind) -> "Lesson":
        """As it is, for a report that will not be kept."""
        return cls(text, parse_report(text, kind))


async def readable(talk: Conversation, text: str, kind: Kind) -> tuple[str, Report]:
    """Send a report without items back, at most twice; the last text comes back as it is."""
    for _ in range(CORRECTIONS):
        try:
            return text, parse_report(text, kind).require_items(kind)
        except FormatError as error:
            question = PROMPTS.render("report_unreadable.j2", problem=str(error), kind=kind)
            text = await talk.ask(question) or text
    return text, parse_report(text, kind)


async def without_leaks(
    talk: Conversation, text: str, report: Report, kind: Kind, scan: LeakScan
) -> Lesson:
    """Send a report that gives answers away back once, then drop the items that still do."""
    kept, leaking = split_leaking(report.items, scan)
    if leaking:
        again = await talk.ask(leak_question(report.items, scan))
        second = parse_report(again, kind)
        if second.items:
            text, report = again, second
            kept, leaking = split_leaking(report.items, scan)
    return Lesson(text, report, tuple(kept), tuple(leaking))


def leak_question(items: Sequence[LessonItem], scan: LeakScan) -> str:
    found = [
        {
            "label": f"{item.type.replace('_', ' ').title()} Item {item.number}",
            "title": item.title,
            "found": why,
        }
        for item in items
        if (why := scan.find(item.text))
    ]
    return PROMPTS.render("leaking.j2", items=found)


def chat_markdown(
    messages: Sequence[Message], title: str, shown: Callable[[str], str] = str
) -> str:
    """A conversation for people to read."""
    parts = [f"# {title}"]
    for number, message in enumerate(messages, start=1):
        parts.append(f"## [{number}] {message.role.upper()}\n\n{shown(message.content)}")
    return "\n\n".join(parts) + "\n"
