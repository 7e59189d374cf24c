"""What a session says of how the work went, by rules in plain code; each finding names its step.

Rules are coarse on purpose: a signal says where to look, and is no verdict.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from react_agent.evidence import Session, Signal, SignalKind, Step
from react_agent.text import one_line

LOOP = 3
"""Calls that are the same, one after the other, or that all failed."""
SAID = 160
"""Characters of a step that a signal repeats."""

_CORRECTION = re.compile(
    r"\A\W*(no\b(?! (problem|worries|need|rush))|nope\b|wrong\b|stop\b|wait\b|undo\b|revert\b"
    r"|actually\b|don'?t\b|not (that|like|what|quite|right|correct)\b|instead\b|nein\b|falsch\b"
    r"|(that|this|it)('s| is| was)? (not|wrong|incorrect|broken)\b"
    r"|(that|this|it) (doesn'?t|does not|didn'?t|did not|still)\b)"
    r"|\byou (forgot|missed|misunderstood|ignored|broke|should have|were supposed)\b"
    r"|\bi (said|asked for|meant|told you)\b|\bstill (fails?|failing|broken|wrong|not)\b"
    r"|\b(not|isn'?t|wasn'?t) what i\b",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"\A\W*(thanks?\b|thank you|perfect\b|great\b|excellent\b|awesome\b|nice\b|lgtm\b|well done"
    r"|good (job|work)|(that|this|it) works\b|works (now|great|well)|danke\b|super\b)"
    r"|\U0001f44d",
    re.IGNORECASE,
)
_COMPLAINT = re.compile(
    r"\A\W*(terrible|useless|awful|horrible|bad (job|work|answer))\b|\U0001f44e", re.IGNORECASE
)
_TEST_COMMAND = re.compile(
    r"\b(pytest|unittest|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest|gotestsum"
    r"|(npm|pnpm|yarn|bun|cargo|go|mvn|gradle|gradlew|make|dotnet|swift|mix|rake)( run)?"
    r"( -\S+)* tests?)\b"
)
_PASSED = re.compile(
    r"\b[1-9]\d* (tests? )?pass(ed|ing)\b|^OK\b|test result: ok|^ok\s+\S+|^PASS\b"
    r"|100% tests passed|BUILD SUCCESS|\bTests:\s+[1-9]\d* passed|all tests pass",
    re.MULTILINE | re.IGNORECASE,
)
_NOT_PASSED = re.compile(
    r"\b[1-9]\d* (tests? )?(failed|failing|failures?|errors?)\b|^(FAILED|FAIL|ERROR)\b"
    r"|test result: FAILED|(failures|errors)=[1-9]",
    re.MULTILINE,
)


def find_signals(session: Session) -> list[Signal]:
    """In the order of their steps; steps that another session counts give none."""
    steps = session.steps
    calls = {step.call: step for step in steps if _is_call(step) and step.call}
    found = [*_said(steps), *_tools(steps, calls), *_loops(steps)]
    return sorted(
        (s for s in found if not steps[s.step - 1].copied), key=lambda s: (s.step, s.kind)
    )


def _said(steps: Sequence[Step]) -> Iterator[Signal]:
    """What the user did and said once the agent had begun."""
    begun = False
    for number, step in enumerate(steps, start=1):
        begun = begun or step.kind in ("say", "tool_call", "skill_load")
        if step.kind == "abort":
            yield _signal("abort", number, step.text)
        elif step.kind == "feedback":
            yield _signal("complaint" if step.failed else "praise", number, step.text)
        elif step.kind == "user" and begun:
            kind = _of_user(step)
            if kind:
                yield _signal(kind, number, step.text)


def _of_user(step: Step) -> SignalKind | None:
    if step.again or _CORRECTION.search(step.text):
        return "correction"
    if _COMPLAINT.search(step.text):
        return "complaint"
    return "praise" if _PRAISE.search(step.text) else None


def _tools(steps: Sequence[Step], calls: Mapping[str, Step]) -> Iterator[Signal]:
    for number, step in enumerate(steps, start=1):
        if step.kind != "tool_result":
            continue
        called = calls.get(step.call)
        if step.denied:
            yield _signal("denial", number, f"{called.name if called else ''} {step.text}")
        elif _failed(step):
            code = f" (exit code {step.exit_code})" if step.exit_code else ""
            name = step.name or (called.name if called else "") or "tool"
            yield _signal("tool error", number, f"{name}{code}: {step.text}")
        elif called and _passed(called, step):
            yield _signal("tests pass", number, _said_by(called))


def _loops(steps: Sequence[Step]) -> Iterator[Signal]:
    """The same call in a row, or again and again without success; named once, at the third."""
    failed = {step.call for step in steps if step.kind == "tool_result" and _failed(step)}
    in_row, last = 0, ""
    failures: dict[str, int] = {}
    for number, step in enumerate(steps, start=1):
        if step.kind == "user":
            in_row, last, failures = 0, "", {}
        if not _is_call(step):
            continue
        same = f"{step.name} {json.dumps(step.arguments, sort_keys=True, default=str)}"
        in_row, last = (in_row + 1 if same == last else 1), same
        failures[same] = failures.get(same, 0) + 1 if step.call in failed else 0
        if LOOP in (in_row, failures[same]):
            yield _signal("retry loop", number, f"{LOOP} times {_said_by(step)}")


def _is_call(step: Step) -> bool:
    return step.kind in ("tool_call", "skill_load")


def _failed(step: Step) -> bool:
    return not step.denied and (step.failed or bool(step.exit_code))


def _passed(called: Step, result: Step) -> bool:
    """A pipe hides the exit code of what stands before it, so that the words have to say it."""
    runs_tests = _TEST_COMMAND.search(_said_by(called)) is not None
    text = result.text
    return runs_tests and bool(_PASSED.search(text)) and not _NOT_PASSED.search(text)


def _said_by(call: Step) -> str:
    for key in ("command", "cmd"):
        value = call.arguments.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return " ".join(map(str, value))
    return f"{call.name} {json.dumps(call.arguments, default=str)}"


def _signal(kind: SignalKind, step: int, text: str) -> Signal:
    return Signal(kind, step, one_line(text.strip(), SAID))
