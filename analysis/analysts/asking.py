"""Ask a model for a report: continued when cut off, sent back when unreadable or leaking."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.lessons.leaks import LeakScan, split_leaking
from analysis.lessons.records import LessonItem, LessonKind
from analysis.lessons.reports import Report, parse_report
from react_agent.conversation import Conversation
from react_agent.model import Message, Model, Usage
from react_agent.templates import Prompts

PROMPTS = Prompts("analysis")


def conversation(model: Model, messages: list[Message], usage: Usage | None = None) -> Conversation:
    return Conversation(model, messages, PROMPTS.render("continue.j2"), usage or Usage())


@dataclass(frozen=True)
class Lesson:
    """A report and what of it may be kept."""

    text: str
    report: Report
    kept: tuple[LessonItem, ...] = ()
    leaking: tuple[tuple[LessonItem, list[str]], ...] = ()

    @classmethod
    def of(cls, text: str, kind: LessonKind) -> "Lesson":
        """As it is, for a report that will not be kept."""
        return cls(text, parse_report(text, kind))


async def readable(talk: Conversation, text: str, kind: LessonKind) -> tuple[str, Report]:
    """Send a report without items back; the last text comes back as it is."""

    def complaint(reason: str) -> str:
        return PROMPTS.render("report_unreadable.j2", problem=reason, kind=kind)

    found = await talk.read(text, lambda t: parse_report(t, kind).require_items(kind), complaint)
    return found.text, found.value or parse_report(found.text, kind)


async def without_leaks(
    talk: Conversation, text: str, report: Report, kind: LessonKind, scan: LeakScan
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


def chat_markdown(messages: Sequence[Message], title: str) -> str:
    """A conversation for people to read."""
    parts = [f"# {title}"]
    for number, message in enumerate(messages, start=1):
        parts.append(f"## [{number}] {message.role.upper()}\n\n{message.text}")
    return "\n\n".join(parts) + "\n"
