"""`trace2skill sessions list|show|import`: lessons from what you did with your own agent."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from react_agent.cli import OK, complain
from react_agent.flags import Parts, run_part
from react_agent.text import for_terminal, one_line, say
from trace2skill.online.settings import SessionImport, SessionList, SessionShow

if TYPE_CHECKING:
    from react_agent.sessions.as_log import SessionLog

EPILOG = "Exit codes: 0 done, 2 wrong input or nothing found. Sessions are read, never changed."
SHOW = "`trace2skill sessions show ID` prints one as it would be sent"
NONE = "looked where the clients leave them; --from FOLDER reads another place"
SHOWN = 5
"""Problems that are told one by one."""


def _list(settings: SessionList) -> int:
    from trace2skill.online.finding import find_sessions

    found = find_sessions(settings)
    logs = list(found.logs())
    if settings.json:
        say(json.dumps([_facts(entry) for entry in logs], ensure_ascii=False, indent=2))
    else:
        for entry in logs:
            say(_line(entry))
        say(f"{len(logs)} sessions; {SHOW if logs else NONE}")
    _tell(found.problems)
    return OK


def _show(settings: SessionShow) -> int:
    from react_agent.errors import ContractError
    from react_agent.runs.logs import render_markdown
    from react_agent.sessions.as_log import session_log
    from trace2skill.online.finding import find_sessions

    found = find_sessions(settings)
    some = found.beginning(settings.id)
    if len(some) != 1:
        what = f"{len(some)} sessions begin with" if some else "no session begins with"
        raise ContractError(f"{what} {settings.id}; `trace2skill sessions list` shows them")
    entry = session_log(*some[0])
    say(for_terminal(render_markdown(entry.log)), end="")
    taken = ", ".join(f"{n} x {kind}" for kind, n in sorted(entry.taken_out.items()))
    complain(f"taken out: {taken or 'nothing'}; rules know no secret that looks like a word")
    return OK


def _import(settings: SessionImport) -> int:
    from trace2skill.online.importing import import_sessions

    done = import_sessions(settings)
    say(
        f"{done.written} sessions written, {done.kept} kept as they were: {done.layout.logs}\n"
        f"{done.signals} signals: {done.layout.root}/signals.jsonl\n"
        "Nobody has judged them: analysts take them with --all"
    )
    _tell(done.problems)
    return OK


def _line(entry: "SessionLog") -> str:
    session, counts = entry.session, Counter(signal.kind for signal in entry.signals)
    signals = ", ".join(f"{n} {kind}" for kind, n in counts.items()) or "no signal"
    facts = f"{session.started[:16]:<16}  {entry.name.agent:<17}  {len(session.steps):>5} steps"
    text = f"{session.reference.id:<38}{facts}  {signals}\n    {one_line(session.task, 90)}"
    return for_terminal(text)


def _facts(entry: "SessionLog") -> dict[str, object]:
    session = entry.session
    return {
        "id": session.reference.id,
        "client": session.reference.evidence,
        "file": str(session.reference.file),
        "started": session.started,
        "model": session.model,
        "task": session.task,
        "steps": len(session.steps),
        "subagents": len(session.sides),
        "usage": session.usage.model_dump(),
        "signals": [{"kind": s.kind, "step": s.step, "text": s.text} for s in entry.signals],
    }


def _tell(problems: Sequence[str]) -> None:
    for problem in problems[:SHOWN]:
        complain(f"warning: {problem}")
    if len(problems) > SHOWN:
        complain(f"warning: {len(problems) - SHOWN} more of the kind")


WHAT: Parts = {
    "list": (_list, SessionList, "List your sessions with the signals that rules find in them."),
    "show": (
        _show,
        SessionShow,
        "Print one session exactly as analysts would be given it, without secrets and names.",
    ),
    "import": (
        _import,
        SessionImport,
        "Write sessions as the logs of a run. Their outcome is unknown: no success, no failure.",
    ),
}


def main(argv: list[str] | None = None) -> int:
    return run_part("sessions", WHAT, argv, EPILOG)


if __name__ == "__main__":
    sys.exit(main())
