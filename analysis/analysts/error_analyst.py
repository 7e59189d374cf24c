"""The agentic error analyst: a failed run, its files and two tools; a repair and a report.

The analyst's words decide nothing. The harness classes the failure before it asks, checks the
repair after it, and keeps the items that give no answers away.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from analysis.analysts.asking import (
    PROMPTS,
    Lesson,
    chat_markdown,
    conversation,
    readable,
    without_leaks,
)
from analysis.analysts.single_call import leaked_items, lesson_outcome
from analysis.evidence.case import (
    LOG_CHARACTERS,
    SMALLEST_LOG,
    case_of,
    log_text,
    seen_text,
    work_folder,
)
from analysis.evidence.means import Means, means_of
from analysis.evidence.taxonomy import MEANINGS, class_by_status, how_it_ended, wrong_places
from analysis.evidence.workspace import SKILL_FILE, CaseFolder, Evidence
from analysis.gate.check import Gate, GateMode, GateResult
from analysis.lessons.leaks import LeakScan
from analysis.lessons.outcomes import CaseAnalysis, about
from analysis.lessons.parsing import finished_elsewhere
from analysis.lessons.records import LessonKind
from analysis.lessons.reports import best_report
from analysis.lessons.selection import Subject
from react_agent.conversation import Conversation
from react_agent.errors import ContractError, InfrastructureError, PromptRefused
from react_agent.files import check_room, digest
from react_agent.layout import CHAT, FLAG, GATE, REPORT
from react_agent.loop.agent import ReActAgent, Tool
from react_agent.model import Message, Model, briefing
from react_agent.sandbox.bash import Bash
from react_agent.sandbox.door import Sandbox
from react_agent.sandbox.untrusted import taken
from react_agent.seams import REFUSED, Case, Domain, Facts, Trajectory
from react_agent.threads import in_thread

LAST_MESSAGES = 6
"""What is kept of a conversation that outgrew the model's window, to ask for the report."""


class CheckTool(Tool):
    """`evaluate_output`: what else a model sends along, such as a gold file, has no effect."""

    async def call(self, arguments: dict[str, Any]) -> str:
        known = {name: arguments[name] for name in self.parameters if name in arguments}
        answer = await super().call(known)
        ignored = [name for name in arguments if name not in self.parameters]
        if not ignored:
            return answer
        return f"({', '.join(ignored)} had no effect: what to compare with is fixed)\n{answer}"


@dataclass
class ErrorAnalyst:
    """Analyses failed runs of one folder."""

    model: Model
    model_name: str
    output_dir: Path
    work_dir: Path
    domain: Domain[Any]
    sandbox: Sandbox
    mode: GateMode = "output"
    max_turns: int = 20
    seconds: float | None = None
    hide: tuple[Path, ...] = ()
    kind: LessonKind = field(default="error", init=False)

    def finished(self, subject: Subject) -> CaseAnalysis | None:
        place = CaseFolder(self.output_dir, subject.instance)
        earlier = place.finished()
        if earlier is None:
            return finished_elsewhere(place.report, subject, "error")
        try:
            same = earlier.fingerprint == self._fingerprint(subject)
        except ContractError:
            return earlier  # the evidence is gone; what was learned from it is not
        return earlier if same else None

    async def failure_class(self, subject: Subject) -> str:
        try:
            case = case_of(self.domain, subject)
            with taken(work_folder(self.work_dir, subject, case), self.domain.files.output) as out:
                facts = await self.domain.facts(case, out)
        except ContractError:
            return ""  # the analysis itself says what is missing
        if not _worth_asking(facts, subject):
            return ""
        return class_by_status(subject.log) or facts.error_class

    async def analyse(self, subject: Subject) -> CaseAnalysis:
        started = time.monotonic()
        case = case_of(self.domain, subject)
        place = CaseFolder(self.output_dir, subject.instance)
        agent_folder = work_folder(self.work_dir, subject, case)
        means = await in_thread(means_of, subject, self.domain.skills)
        evidence = await in_thread(
            place.prepare, subject.log, means.skill, agent_folder, self.domain, case
        )
        truth = self.domain.truth_digest(case)
        facts = await self.domain.facts(case, evidence.output)
        gate = Gate(
            mode=self.mode,
            domain=self.domain,
            case=case,
            truth=truth,
            answers=facts.answers,
            agent_folder=agent_folder,
            sandbox=self.sandbox,
            hide=self.hide,
        )
        work = _Case(self, subject, case, place, means, evidence, facts, gate)
        check_room(self.output_dir)
        if work.worth_asking:
            await work.run()
        check_room(self.output_dir)
        analysis = work.analysis(time.monotonic() - started, self._fingerprint(subject))
        lay_out = partial(self.domain.lay_out, case)
        await in_thread(place.publish, work.texts(), analysis, lay_out)
        return analysis

    def _fingerprint(self, subject: Subject) -> str:
        """Of all that the analyst is shown and judged by."""
        case = case_of(self.domain, subject)
        output = work_folder(self.work_dir, subject, case) / self.domain.files.output
        return digest(
            subject.path.read_bytes(),
            self.domain.fingerprint(case),
            self.domain.truth_digest(case),
            output.read_bytes() if output.is_file() and not output.is_symlink() else b"",
        )


@dataclass
class _Case:
    """One case from its evidence to its files."""

    analyst: ErrorAnalyst
    subject: Subject
    case: Case
    place: CaseFolder
    means: Means
    evidence: Evidence
    facts: Facts
    gate: Gate
    commands: int = 0
    reminded: set[str] = field(default_factory=set)
    checked: tuple[int, GateResult] | None = None
    """The last result of the gate, and how many commands had been run by then."""
    trajectory: Trajectory | None = None
    talk: Conversation | None = None
    result: GateResult | None = None
    lesson: Lesson | None = None
    """What the conversation gave."""

    @property
    def worth_asking(self) -> bool:
        return _worth_asking(self.facts, self.subject)

    @property
    def error_class(self) -> str:
        return class_by_status(self.subject.log) or self.facts.error_class

    async def run(self) -> None:
        """Raises InfrastructureError: then the case is owed, and nothing of it is kept."""
        async with self.analyst.sandbox.case(self.place.work, hide=self.analyst.hide) as shell:
            run = await self._conversation(shell)
        if run.status == "infrastructure":
            raise InfrastructureError(run.error)
        talk = conversation(self.analyst.model, run.messages, run.usage)
        self.trajectory, self.talk = run, talk
        if run.status == REFUSED:
            return
        gate = await self._checked()
        try:
            self.lesson = await self._lesson(run, talk, gate)
            self.result = gate
        except PromptRefused as error:
            run.status, run.error = REFUSED, str(error)

    async def _conversation(self, shell: Bash) -> Trajectory:
        """With the log shortened as often as the model's window asks for it; no turn is lost."""
        run = Trajectory()
        agent = ReActAgent(
            self.analyst.model,
            [self._bash(shell), self._evaluate()],
            max_turns=self.analyst.max_turns,
            seconds=self.analyst.seconds,
            unfinished=lambda: self._unfinished(run),
            reminders=2,
        )
        limit = LOG_CHARACTERS
        while True:
            run.messages[:2] = self.opening(limit)
            await agent.resume(run)
            if run.status != "context_overflow" or limit <= SMALLEST_LOG:
                return run
            limit = max(SMALLEST_LOG, min(limit, len(run.messages[1].text)) // 2)
            run.error = ""

    def opening(self, limit: int = LOG_CHARACTERS) -> list[Message]:
        """What is the same for all cases of a run stands first, so that an endpoint can keep it."""
        task, log, domain = self.case.task, self.subject.log, self.analyst.domain
        shown, cut = log_text(log, limit)
        system = PROMPTS.render(
            "error_agent/system.j2",
            gate=self.analyst.mode,
            files=domain.files,
            tool_timeout=round(self.analyst.sandbox.limits.seconds),
            packages=" and ".join(domain.packages),
            means=self.means,
            skill_file=SKILL_FILE,
        )
        user = PROMPTS.render(
            "error_agent/user.j2",
            folder=self.place.work,
            instruction=task.instruction,
            instruction_type=task.instruction_type,
            asks=domain.asks(self.case),
            files=domain.files,
            skill_file=SKILL_FILE if self.means.skill else "",
            has_output=self.evidence.output is not None,
            other_files=self.evidence.other_files,
            files_left_out=self.evidence.left_out,
            ended=how_it_ended(log) or "not known",
            error_class=self.error_class.replace("_", " "),
            error_meaning={**MEANINGS, **domain.error_classes}[self.error_class],
            wrong_places=wrong_places(self.facts.check),
            mismatches=self.facts.check.report if self.facts.check else "There is no output.",
            log=shown,
            log_cut=cut,
        )
        return briefing(system, user, domain.images(self.case))

    def _bash(self, shell: Bash) -> Tool:
        async def bash(command: str) -> str:
            self.commands += 1
            return await shell.observe(command)

        return Tool("bash", ("command",), bash, limit=None)

    def _evaluate(self) -> Tool:
        async def evaluate(output_file: str) -> str:
            try:
                with taken(self.place.work, output_file) as result:
                    if result is None:
                        return f"Result: FAIL there is no file {output_file}"
                    return (await self.analyst.domain.check(self.case, result)).report
            except ContractError as error:
                return f"Result: FAIL {error}"

        return CheckTool("evaluate_output", ("output_file",), evaluate)

    async def _checked(self) -> GateResult:
        """What the gate says now; a check is not repeated while no command was run since."""
        if self.checked is None or self.checked[0] != self.commands:
            self.checked = self.commands, await self.gate.check(self.place.work)
        return self.checked[1]

    async def _unfinished(self, run: Trajectory) -> str:
        """The reminder for an analyst that stops too early: each kind once."""
        gate = await self._checked()
        if not gate.held and "gate" not in self.reminded:
            self.reminded.add("gate")
            left = self.analyst.max_turns - run.turns
            return PROMPTS.render(
                "error_agent/not_held.j2",
                reason=gate.reason,
                turns_left=left,
                gate=self.analyst.mode,
                files=self.analyst.domain.files,
            )
        if not best_report(_said(run.messages), "error") and "report" not in self.reminded:
            self.reminded.add("report")
            return PROMPTS.render(
                "error_agent/no_report.j2", problem="there is no item with a heading and a text."
            )
        return ""

    async def _lesson(self, run: Trajectory, talk: Conversation, gate: GateResult) -> Lesson:
        """The report, asked for once more where there is none; corrected only if it will count."""
        text = best_report(_said(run.messages), "error")
        if not text:
            if run.status == "context_overflow":
                talk.messages = _shorter(talk.messages)
            text = await talk.ask(PROMPTS.render("error_agent/last_turn.j2"))
        if not gate.held:
            return Lesson.of(text, "error")
        text, report = await readable(talk, text, "error")
        seen = seen_text(self.subject.log)
        scan = LeakScan.of_case(self.facts.answers, self.case.task.instruction, seen)
        return await without_leaks(talk, text, report, "error", scan)

    def analysis(self, seconds: float, fingerprint: str) -> CaseAnalysis:
        check, gate, lesson = self.facts.check, self.result, self.lesson
        run = self.trajectory
        if run and run.status == REFUSED:
            outcome = ("prompt refused", run.error)
        elif gate is None or lesson is None:
            right = "the output is right"
            reason = right if self.facts.comparable else "the truth does not hold against itself"
            outcome = ("nothing to explain", reason)
        elif not gate.held:
            outcome = ("gate not held", gate.reason)
        else:
            outcome = lesson_outcome(lesson)
        return CaseAnalysis.model_validate(
            {
                **about(self.subject),
                "outcome": outcome[0],
                "reason": outcome[1],
                "error_class": self.error_class if self.worth_asking else "",
                "failing_cells": [
                    {"sheet": f.part, "cell": f.place, "problem": f.problem} for f in check.failing
                ]
                if check
                else (),
                "failing_cells_total": check.failing_total if check else 0,
                "gate_mode": self.analyst.mode,
                "gate_verdict": gate.verdict if gate else "",
                "leaked": leaked_items(lesson) if lesson else (),
                "items": len(lesson.kept) if lesson and gate and gate.held else 0,
                "notes": lesson.report.notes if lesson else (),
                "model": self.analyst.model_name,
                "status": run.status if run else "",
                "turns": run.turns if run else 0,
                "usage": self.talk.usage if self.talk else {},
                "seconds": round(seconds, 3),
                "fingerprint": fingerprint,
            }
        )

    def texts(self) -> dict[str, str]:
        """The files to publish, by name."""
        texts = {}
        if self.lesson and self.lesson.text.strip():
            texts[REPORT] = self.lesson.text + "\n"
        if self.talk:
            title = f"Error analysis of {self.subject.instance}"
            texts[CHAT] = chat_markdown(self.talk.messages, title)
        if self.result:
            texts[GATE] = self.result.model_dump_json(indent=2) + "\n"
            if self.result.verdict == "held":
                texts[FLAG] = f"{self.result.reason}\n"
        return texts


def _worth_asking(facts: Facts, subject: Subject) -> bool:
    """A run that solved its task is only here because the user named it."""
    right = facts.check is not None and facts.check.passed
    return facts.comparable and not (right and subject.failed)


def _said(messages: Sequence[Message]) -> list[str]:
    return [m.text for m in messages if m.role == "assistant"]


def _shorter(messages: list[Message]) -> list[Message]:
    """The opening and the last of a conversation that no longer fits; it begins with a reply."""
    last = messages[2:][-LAST_MESSAGES:]
    while last and last[0].role != "assistant":
        last = last[1:]
    return [*messages[:2], *last]
