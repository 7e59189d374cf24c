"""`trace2skill online ...`: a skill that learns from its user's sessions, and asks before it
changes."""

import sys
from typing import TYPE_CHECKING

from react_agent.cli import INCOMPLETE, OK, complain
from react_agent.flags import Parts, run_part
from react_agent.text import one_line, say
from trace2skill.online.settings import (
    Adopt,
    BringBack,
    Learn,
    OfSkill,
    Reject,
    SetUp,
    ShowStaged,
    TakeOut,
)

if TYPE_CHECKING:
    from pathlib import Path

    from trace2skill.online.home import Home
    from trace2skill.online.rounds import Round

EPILOG = "Exit codes: 0 done, 1 work is still owed (run it again), 2 wrong input, 130 interrupted."


def _init(settings: SetUp) -> int:
    from trace2skill.online.wizard import set_up

    ready = set_up(settings, None if settings.yes or not sys.stdin.isatty() else _ask)
    home = ready.home
    say(
        f"settings  {home.config}{_as_it_was(ready.own_copy)}\n"
        f"hook      {ready.client_settings}{_as_it_was(ready.copy)}"
        f"\nseen to fire {ready.seen}, in {1000 * ready.seconds:.0f} ms\n"
        f"From {home.settings.after} fitting sessions on a new skill is staged, and nothing "
        "changes before you adopt it: trace2skill online status"
    )
    return OK


def _as_it_was(copy: "Path | None") -> str:
    return f" (as it was: {copy.name})" if copy else ""


def _ask(question: str, usual: str) -> str:
    say(f"{question}{f' [{usual}]' if usual else ''}: ", end="")
    return input().strip() or usual


async def _run(settings: Learn) -> int:
    from trace2skill.online.learning import learn

    home = _home(settings)
    done = await learn(home, settings.now)
    for entry in done.taken:
        say(f"session {entry.session}: {entry.state}{f' ({entry.why})' if entry.why else ''}")
    for one in done.rounds:
        say(f"round {one.number}: {one.state}{f' ({one.reason})' if one.reason else ''}")
    if done.staged:
        say("a new skill waits for you: trace2skill online show")
    else:
        say(f"{done.waiting} of {home.settings.after} sessions wait for the next round")
    if any(one.state == "open" for one in done.rounds):
        complain("stopped before the round was done; what is paid is kept, run it again")
        return INCOMPLETE
    return OK


def _status(settings: OfSkill) -> int:
    from trace2skill.online.hook import HOOK_LOG
    from trace2skill.online.standing import status_of

    home = _home(settings)
    given, status = home.settings, status_of(home)
    spent = status.used.tokens
    say(f"skill     {given.skill}\nsettings  {home.config}")
    say(f"hook      {'in' if status.hooked else 'not in'} {status.client_settings}")
    say(f"noted     {status.noted} sessions that are not taken in yet")
    say(f"waiting   {status.waiting} of {given.after} sessions for the next round")
    for entry in status.left_out[-5:]:
        say(f"left out  {entry.session}: {entry.why}")
    say(f"today     {spent:,} of {given.day_tokens:,} tokens")
    for one in status.rounds:
        say(f"round {one.number:<3} {one.state}, {len(one.sessions)} sessions, {_cost(one)}")
    errors = home.folder / HOOK_LOG
    if errors.exists():
        last = errors.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
        complain(f"warning: the hook could not note a session: {' '.join(last)}; see {errors}")
    return OK


def _show(settings: ShowStaged) -> int:
    from trace2skill.online.deciding import staged
    from trace2skill.online.rounds import Place

    home = _home(settings)
    one = staged(home)
    place = Place(home, one.number)
    if settings.diff:
        say(place.diff(), end="")
        return OK
    say(f"round {one.number}, begun {one.began}: {home.settings.skill}\n")
    say(place.diff())
    say("lessons")
    names = {entry.task: entry.session for entry in one.sessions}
    for lesson in one.lessons:
        runs = ", ".join(names.get(task, task) for task in lesson.sessions)
        say(f"  {lesson.id}  {one_line(lesson.title, 90)}\n      from {lesson.support}: {runs}")
    say("evidence: no truth; nobody has judged these sessions, the signals are found by rules")
    for entry in one.sessions:
        signals = ", ".join(entry.signals)
        say(f"  {entry.session}  {signals}\n      {one_line(entry.about, 90)}")
    say(f"cost: {_cost(one)}\n")
    say(
        "trace2skill online adopt | reject --reason WHY; a session as it was sent: "
        "trace2skill sessions show ID"
    )
    return OK


def _cost(one: "Round") -> str:
    use = one.usage
    dollars = "no price known" if one.cost is None else f"${one.cost:.2f}"
    tokens = use.tokens
    return f"{use.calls} calls of {one.model}, {tokens:,} tokens, {dollars}"


def _adopt(settings: Adopt) -> int:
    from react_agent.skills import backups_folder
    from trace2skill.online.deciding import adopt

    home = _home(settings)
    one, skill = adopt(home, settings.force), home.settings.skill
    before = backups_folder(skill) / one.backup
    say(f"{skill} is the skill of round {one.number}; the one before: {before}")
    say("bring it back: trace2skill online rollback")
    return OK


def _reject(settings: Reject) -> int:
    from trace2skill.online.deciding import reject

    one = reject(_home(settings), settings.reason)
    say(f"round {one.number} is rejected; its {len(one.lessons)} lessons are not drawn again")
    return OK


def _rollback(settings: BringBack) -> int:
    from trace2skill.online.deciding import bring_back

    done = bring_back(_home(settings), settings.to)
    say(f"{done.skill} is {done.earlier.name} again; the version before is {done.kept.name}")
    return OK


def _uninstall(settings: TakeOut) -> int:
    from trace2skill.online.wizard import settings_file, take_out

    home = _home(settings)
    file = settings_file(settings.client_settings)
    copy = take_out(home.folder, file)
    if copy is None:
        say(f"{file}: holds no hook of {home.config}; nothing was changed")
    else:
        say(f"{file}: the hook is out (as it was: {copy.name}); {home.folder} is kept")
    return OK


def _home(settings: OfSkill) -> "Home":
    from trace2skill.online.home import find_home

    return find_home(settings.config)


WHAT: Parts = {
    "init": (_init, SetUp, "Ask, write the settings, put the hook in, and see it fire."),
    "status": (_status, OfSkill, "How far the skill is: sessions, rounds, what is spent."),
    "run": (
        _run,
        Learn,
        "Take in noted sessions, and stage a new skill from them. The hook starts it.",
    ),
    "show": (_show, ShowStaged, "The staged skill: diff, lessons, evidence, cost."),
    "adopt": (_adopt, Adopt, "Swap the staged skill in, whole; the old one is kept."),
    "reject": (_reject, Reject, "Turn the staged skill down, and say why."),
    "rollback": (_rollback, BringBack, "Bring back the skill as it was before the adoption."),
    "uninstall": (
        _uninstall,
        TakeOut,
        "Take our hook out of the client's settings; all else stays.",
    ),
}


def main(argv: list[str] | None = None) -> int:
    return run_part("online", WHAT, argv, EPILOG)


if __name__ == "__main__":
    sys.exit(main())
