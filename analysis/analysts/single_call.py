"""One-call analysts: a log in, a report out. Failures and successes are two values of one thing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.analysts.asking import PROMPTS, Lesson, conversation, readable, without_leaks
from analysis.evidence.case import LOG_CHARACTERS, SMALLEST_LOG, case_of, leak_scan, log_text
from analysis.evidence.means import means_of
from analysis.evidence.taxonomy import MEANINGS, class_by_status, how_it_ended
from analysis.lessons.outcomes import AnalysisOutcome, CaseAnalysis, LeakedItem, about
from analysis.lessons.parsing import ReportFile, finished_elsewhere
from analysis.lessons.records import LessonKind
from analysis.lessons.selection import Subject
from analysis.lessons.settings import NO_TRUTH
from react_agent.conversation import Conversation
from react_agent.errors import ContextOverflow, PromptRefused
from react_agent.files import digest, write_whole
from react_agent.layout import report_prefix
from react_agent.model import Message, Model, briefing
from react_agent.runs.logs import read_log
from react_agent.seams import REFUSED, Domain


@dataclass(frozen=True)
class CallKind:
    """What sets the two apart."""

    kind: LessonKind
    system: str


FAILURES = CallKind("error", "error_llm/system.j2")
SUCCESSES = CallKind("success", "success_llm/system.j2")
CONTRASTS = CallKind("error", "contrast/system.j2")
"""Failures, each with a run that solved the same case."""
NOTES: Mapping[LessonKind, CallKind] = {
    "error": CallKind("error", "memory/failure.j2"),
    "success": CallKind("success", "memory/success.j2"),
}
"""For a memory bank."""


@dataclass
class SingleCallAnalyst:
    """Writes `<prefix><id>_prompt.md`, `<prefix><id>.md` and, last, `<prefix><id>.json`."""

    call: CallKind
    model: Model
    model_name: str
    output_dir: Path
    domain: Domain[Any] | None = None
    """With it, items are also checked for values of the task's answers."""
    rejected: tuple[str, ...] = ()
    """Lessons that a person has turned down, and why."""
    kind: LessonKind = field(init=False)

    def __post_init__(self) -> None:
        self.kind = self.call.kind

    def finished(self, subject: Subject) -> CaseAnalysis | None:
        report, case_file = self._path(subject, ".md"), self._path(subject, ".json")
        earlier = CaseAnalysis.load(case_file)
        if earlier and earlier.fingerprint == self._fingerprint(subject):
            return earlier
        file = ReportFile(subject.instance, report, case_file, gated=False)
        return finished_elsewhere(file, subject, self.kind)

    async def failure_class(self, subject: Subject) -> str:
        return class_by_status(subject.log) if subject.failed else ""

    async def analyse(self, subject: Subject) -> CaseAnalysis:
        started = time.monotonic()
        try:
            talk, lesson = await self._lesson(subject)
            outcome, reason = lesson_outcome(lesson)
        except (PromptRefused, ContextOverflow) as error:  # which would come again
            talk, lesson = conversation(self.model, []), Lesson.of("", self.kind)
            refused = isinstance(error, PromptRefused)
            outcome, reason = "prompt refused" if refused else "no report", str(error)
        analysis = CaseAnalysis(
            **about(subject),
            outcome=outcome,
            reason=reason,
            error_class=await self.failure_class(subject),
            gate_verdict="" if subject.judged else NO_TRUTH,
            leaked=leaked_items(lesson),
            items=len(lesson.kept),
            notes=lesson.report.notes + (("the report was cut off",) if talk.cut_off else ()),
            model=self.model_name,
            status=REFUSED if outcome == "prompt refused" else "completed",
            turns=talk.usage.calls,
            usage=talk.usage,
            seconds=round(time.monotonic() - started, 3),
            fingerprint=self._fingerprint(subject),
        )
        if lesson.text:
            write_whole(self._path(subject, ".md"), lesson.text + "\n")
        write_whole(self._path(subject, ".json"), analysis.model_dump_json(indent=2) + "\n")
        return analysis

    async def _lesson(self, subject: Subject) -> tuple[Conversation, Lesson]:
        talk, text = await self._first_answer(subject)
        text, report = await readable(talk, text, self.kind)
        scan = await leak_scan(self.domain, subject)
        return talk, await without_leaks(talk, text, report, self.kind, scan)

    async def _first_answer(self, subject: Subject) -> tuple[Conversation, str]:
        """With the log shortened as often as the model's window asks for it."""
        limit = LOG_CHARACTERS
        while True:
            messages = self.prompt(subject, limit)
            write_whole(self._path(subject, "_prompt.md"), _prompt_markdown(messages))
            talk = conversation(self.model, list(messages))
            try:
                return talk, await talk.answer()
            except ContextOverflow:
                shown = len(messages[-1].text)
                if limit <= SMALLEST_LOG:
                    raise
                limit = max(SMALLEST_LOG, min(limit, shown) // 2)

    def prompt(self, subject: Subject, limit: int = LOG_CHARACTERS) -> list[Message]:
        """What is the same for all cases of a run stands first, so that an endpoint can keep it."""
        rival = read_log(subject.rival) if subject.rival else None
        log, cut = log_text(subject.log, limit // 2 if rival else limit)
        other, other_cut = log_text(rival, limit // 2) if rival else ("", False)
        skills = self.domain.skills if self.domain else None
        system = PROMPTS.render(self.call.system, means=means_of(subject, skills))
        known = class_by_status(subject.log) if self.kind == "error" else ""
        user = PROMPTS.render(
            "contrast/user.j2" if rival else "single_call_user.j2",
            failed=self.kind == "error",
            judged=subject.judged,
            signals="\n".join(map(str, subject.log.result.get("signals") or ())),
            ended=how_it_ended(subject.log),
            known=MEANINGS[known] if known else "",
            rejected="\n".join(self.rejected),
            log=log,
            log_cut=cut,
            other=other,
            other_cut=other_cut,
        )
        images = self.domain.images(case_of(self.domain, subject)) if self.domain else ()
        return briefing(system, user, images)

    def _path(self, subject: Subject, suffix: str) -> Path:
        return self.output_dir / f"{report_prefix(self.kind)}{subject.instance}{suffix}"

    def _fingerprint(self, subject: Subject) -> str:
        return digest(*(p.read_bytes() for p in (subject.path, subject.rival) if p))


def lesson_outcome(lesson: Lesson) -> tuple[AnalysisOutcome, str]:
    """Whether anything of a report can be kept."""
    if lesson.kept:
        return "lesson", ""
    if lesson.leaking:
        found = "; ".join(f"{item.title}: {', '.join(why)}" for item, why in lesson.leaking)
        return "all items leaked", found
    return "no report", "no item could be read from the report"


def leaked_items(lesson: Lesson) -> tuple[LeakedItem, ...]:
    return tuple(
        LeakedItem(type=item.type, number=item.number, title=item.title, found=tuple(why))
        for item, why in lesson.leaking
    )


def _prompt_markdown(messages: list[Message]) -> str:
    return "\n\n".join(f"# {m.role.upper()}\n\n{m.text}" for m in messages) + "\n"
