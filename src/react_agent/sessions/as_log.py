"""A session as a trajectory log: what analysts and the report read, scrubbed, with its signals."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from react_agent.evidence import UNKNOWN, Evidence, Session, Signal, Step
from react_agent.files import digest
from react_agent.model import Message
from react_agent.runs.logs import Log, LogName
from react_agent.sessions.scrub import Scrubber
from react_agent.text import cut_middle, without_control

LONGEST = 40_000
"""Characters of one message."""
INJECTED = 8_000
"""Of what a client put in: it repeats itself in every session."""
HEADS = {
    "injected": "[put in by the client]\n",
    "abort": "[the user stopped the agent]\n",
    "feedback": "[feedback of the user]\n",
}
DONE = "ACTION: TASK_COMPLETE"
"""Ends a turn in which the agent hands back to the user."""


@dataclass(frozen=True)
class SessionLog:
    """All of a session that is ever shown, written or sent."""

    session: Session
    name: LogName
    log: Log
    signals: tuple[Signal, ...]
    messages: Mapping[int, int]
    """From a step to the message of the log that holds it, both counted from 1."""
    taken_out: Mapping[str, int]
    """How many secrets and names, by kind."""


def session_log(evidence: Evidence, session: Session) -> SessionLog:
    """Nothing is cut before it is scrubbed: half a secret would not be known as one."""
    scrubber = Scrubber.of(session)
    clean = scrubber.session(session)
    signals = tuple(evidence.signals(clean))
    messages, places = messages_of(clean.steps)
    agent = f"{evidence.name}-skill" if clean.skills else evidence.name
    name = LogName(agent, task_name(session.reference.id))
    found = [f"[{places.get(s.step, 0)}] {s.kind}: {s.text}" for s in signals]
    result = {
        "task": name.task_id,
        "success": None,
        "outcome": UNKNOWN,
        "status": clean.status,
        "turns": len(clean.calls) or sum(m.role == "assistant" for m in messages),
        "error": "",
        "model": clean.model,
        "client": f"{evidence.name} {clean.version}".strip(),
        "started": clean.started,
        "skills": list(clean.skills),
        "subagents": len(clean.sides),
        "signals": found,
        "prompt_tokens": clean.usage.prompt_tokens,
        "completion_tokens": clean.usage.completion_tokens,
        "cached_tokens": clean.usage.cached_tokens,
    }
    log = Log(tuple(messages), result, f"A session of {evidence.name}")
    return SessionLog(clean, name, log, signals, places, Counter(scrubber.counts))


def task_name(identifier: str) -> str:
    """A session's id as a part of a file name: it is as its file says, and that may be anything."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", identifier).strip("-")
    if plain and plain == identifier and len(plain) <= 64:
        return plain
    return f"{plain[:40].strip('-') or 'session'}-{digest(identifier)[:12]}"


def messages_of(steps: Sequence[Step]) -> tuple[list[Message], dict[int, int]]:
    """In the agent's own form: a reply with its tool call, and what came back for it."""
    writer = _Writer(steps)
    return writer.messages, writer.places


class _Writer:
    def __init__(self, steps: Sequence[Step]) -> None:
        self.messages: list[Message] = []
        self.places: dict[int, int] = {}
        self._said: list[tuple[int, str]] = []
        self._begun = False
        numbered = list(enumerate(steps, start=1))
        self._results = {
            step.call: (number, step)
            for number, step in reversed(numbered)
            if step.kind == "tool_result" and step.call
        }
        for number, step in numbered:
            self._take(number, step)
        self._end_turn()

    def _take(self, number: int, step: Step) -> None:
        if step.kind in ("thought", "say"):
            if text := step.text.strip():
                self._said.append((number, text))
        elif step.kind in ("tool_call", "skill_load"):
            self._call(number, step)
        elif number in self.places:
            pass  # a result that stands behind its call already
        elif step.kind == "tool_result":
            self._put("user", f"Observation:\n{step.text}", [number])
        else:
            self._end_turn()
            limit = INJECTED if step.kind == "injected" else LONGEST
            if step.kind == "injected" and not self._begun:
                self._put("system", step.text, [number], limit)
            else:
                self._begun = True
                self._put("user", HEADS.get(step.kind, "") + step.text, [number], limit)

    def _call(self, number: int, step: Step) -> None:
        self._begun = True
        name = "skill" if step.kind == "skill_load" else step.name or "tool"
        arguments = dict(step.arguments) or ({"name": step.name} if name == "skill" else {})
        call = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, default=str)
        if len(call) > LONGEST:
            some = {"command": cut_middle(json.dumps(arguments, default=str), LONGEST // 2)}
            call = json.dumps({"name": name, "arguments": some}, ensure_ascii=False)
        self._reply(f"Action:\n{call}", [number])
        found = self._results.pop(step.call, None) if step.call else None
        if found:
            self._put("user", f"Observation:\n{found[1].text}", [found[0]])

    def _end_turn(self) -> None:
        if self._said:
            self._begun = True
            self._reply(DONE, [])

    def _reply(self, end: str, numbers: list[int]) -> None:
        thought = "\n\n".join(text for _, text in self._said)
        numbers = [*(number for number, _ in self._said), *numbers]
        self._said = []
        head = f"Thought: {cut_middle(thought, LONGEST)}\n\n" if thought else ""
        self._put("assistant", head + end, numbers, 3 * LONGEST)

    def _put(self, role: str, text: str, numbers: list[int], limit: int = LONGEST) -> None:
        content = cut_middle(without_control(text.replace("\r\n", "\n")), limit)
        self.messages.append(Message.model_validate({"role": role, "content": content}))
        self.places.update(dict.fromkeys(numbers, len(self.messages)))


def signal_rows(entry: SessionLog) -> Iterator[dict[str, str | int]]:
    """Lines of the file of signals."""
    for signal in entry.signals:
        yield {
            "task": entry.name.task_id,
            "kind": signal.kind,
            "step": signal.step,
            "message": entry.messages.get(signal.step, 0),
            "text": signal.text,
        }
