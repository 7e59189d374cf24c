"""One round: lessons from the sessions that have come together, evolved into a staged skill.

Nobody has judged the sessions. Signals stand in place of verdicts: what had to be put right teaches
as a failure does, what worked as a success does, and every record says that there was no truth.
A round works on a copy of the skill, and each of its steps is kept, so that a kill costs nothing.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from analysis.analysts.analysing import analyse
from analysis.analysts.settings import (
    CallAnalysis,
    CallErrorAnalysis,
    CallSuccessAnalysis,
    RunChoice,
)
from analysis.lessons.records import LessonRecord, load_records, save_records
from react_agent.configfile import read_record, read_records
from react_agent.files import copy_folder, read_json, write_json
from react_agent.layout import (
    ANALYSIS_SUMMARY,
    CHANGE_LOG,
    EVOLUTION_SUMMARY,
    INTERMEDIATES,
    RunLayout,
    analysis_folder,
)
from react_agent.model import Usage
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.prices import Prices
from react_agent.skills import Skill, diff_files
from skill_evolver.engine.evolution import evolve
from skill_evolver.engine.history import Provenance, explain, previous
from skill_evolver.engine.settings import Evolution
from skill_evolver.engine.writing import keep
from trace2skill.online.home import Home, Taken
from trace2skill.online.intake import WELL, waiting

ROUND = "round.json"
FORMAT = "client"
"""Of the skill."""
TEMPERATURE = 0.6
"""Of analysts and evolution, where the settings say none; the evolution's own."""


class StagedLesson(BaseModel, frozen=True):
    id: str
    title: str
    support: int
    sessions: tuple[str, ...]
    """Names among the logs."""


class Round(BaseModel, frozen=True):
    """What `round.json` holds."""

    number: int
    state: str = "open"
    """open, staged, nothing, adopted, rejected, rolled back."""
    sessions: tuple[Taken, ...]
    base: str
    """Hash of the skill as it was when the round began."""
    began: str
    lessons: tuple[StagedLesson, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    model: str = ""
    reason: str = ""
    """Why nothing came of it, or why it was rejected."""
    backup: str = ""
    """Of the skill that an adoption took the place of."""
    decided: str = ""


class Place:
    """Where a round lies."""

    def __init__(self, home: Home, number: int) -> None:
        self.folder = home.rounds / f"{number:04d}"
        name = home.settings.skill.resolve().name
        self.base = self.folder / "base" / name
        self.staged = self.folder / "staged" / name

    @property
    def file(self) -> Path:
        return self.folder / ROUND

    def analysis(self, kind: str) -> Path:
        return self.folder / analysis_folder(kind)

    def lessons(self, kind: str) -> Path:
        return self.folder / f"{kind}_lessons.json"

    def diff(self) -> str:
        return diff_files(Skill.load(self.base).files, Skill.load(self.staged).files)

    def provenance(self) -> Provenance:
        return explain(self.staged)[1]


def rounds(home: Home) -> list[Round]:
    """In order. Raises ContractError for a file that does not fit."""
    return [read_record(Round, file) for file in sorted(home.rounds.glob(f"*/{ROUND}"))]


def save(home: Home, one: Round) -> Round:
    write_json(Place(home, one.number).file, one.model_dump(mode="json"))
    return one


def free(home: Home) -> list[Taken]:
    """Sessions that wait for a round that is not begun."""
    begun = latest(home, "open")
    held = {entry.session for entry in begun.sessions} if begun else set()
    return [entry for entry in waiting(home) if entry.session not in held]


def latest(home: Home, state: str) -> Round | None:
    return next((one for one in reversed(rounds(home)) if one.state == state), None)


def open_round(home: Home, now: bool = False) -> Round | None:
    """The one that was begun, else a new one where enough sessions wait for it."""
    if begun := latest(home, "open"):
        return begun
    some = waiting(home)
    if not some or (len(some) < home.settings.after and not now):
        return None
    number = len(rounds(home)) + 1
    place = Place(home, number)
    shutil.rmtree(place.folder, ignore_errors=True)  # of a start that was killed before it said so
    for copy in (place.base, place.staged):
        copy_folder(home.settings.skill, copy)
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return save(
        home,
        Round(
            number=number,
            sessions=tuple(some),
            base=Skill.load(place.base).digest,
            began=began,
            model=home.settings.model,
        ),
    )


async def carry_on(home: Home, one: Round) -> Round:
    """Until it is staged, or nothing came of it; still open where a cap or the endpoint stopped it.

    Raises what the endpoint and the disk raise.
    """
    place = Place(home, one.number)
    records = {"error": await _lessons(home, one, "error")}
    records["success"] = await _lessons(home, one, "success")
    if None in records.values():
        return one
    turned_down = rejected(home)
    reason = ""
    for kind, some in records.items():
        kept = _new(some or [], {entry.title for entry in turned_down})
        if kept:
            save_records(place.lessons(kind), kept)
    if any(place.lessons(kind).exists() for kind in records):
        result = await _evolve(home, place)
        reason = "; ".join(result)
    else:
        reason = "no lesson was drawn, or none that was not rejected before"
    changed = Skill.load(place.staged).files != Skill.load(place.base).files
    usage = _usage(place)
    for entry in one.sessions:
        update = {"state": "learnt", "round": one.number}
        home.enter(entry.model_copy(update=update))
    return save(
        home,
        one.model_copy(
            update={
                "state": "staged" if changed else "nothing",
                "reason": "" if changed else reason or "the lessons changed nothing",
                "lessons": _staged_lessons(place) if changed else (),
                "usage": usage,
                "cost": Prices.load(home.settings.prices).cost({one.model: usage}),
            }
        ),
    )


async def _lessons(home: Home, one: Round, kind: str) -> list[LessonRecord] | None:
    """None: some are still owed."""
    well = kind == "success"
    tasks = [s.task for s in one.sessions if any((g in WELL) == well for g in s.signals)]
    if not tasks:
        return []
    settings: type[CallAnalysis] = CallSuccessAnalysis if well else CallErrorAnalysis
    place = Place(home, one.number)
    given = settings(
        logs_dir=RunLayout.below(home.sessions).logs,
        output_dir=place.analysis(kind),
        all=True,
        max_workers=4,
        rejected=tuple(entry.said for entry in rejected(home)),
        choice=RunChoice(instance_ids=tuple(tasks)),
        model=_model(home),
    )
    summary = await analyse(given)
    if summary.owed:
        return None
    return load_records(given.records, "success" if well else "error") if summary.lessons else []


def _model(home: Home) -> ModelSettings:
    given = home.settings
    return ModelSettings(
        model=given.model,
        base_url=given.base_url,
        llm_client=given.llm_client,
        provider=given.provider,
        generation_config=given.generation_config,
        default_temperature=TEMPERATURE,
        budget=home.budget,
    )


def _new(records: Sequence[LessonRecord], turned_down: set[str]) -> list[LessonRecord]:
    """Without items that say what was rejected; an analyst was told, and may not have heard."""
    known = {_plain(title) for title in turned_down}
    left = []
    for record in records:
        items = tuple(item for item in record.items if _plain(item.title) not in known)
        if items:
            left.append(record.model_copy(update={"items": items}))
    return left


def _plain(title: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in title.casefold()).split())


async def _evolve(home: Home, place: Place) -> tuple[str, ...]:
    """Why the evolved skill was not written."""
    live = home.settings.skill
    skill = Skill.load(live)
    earlier = previous(live, skill)
    staged = Skill.load(place.staged)
    if earlier and staged.files == skill.files and not previous(place.staged, staged):
        keep(place.staged, "taken over", skill.files, skill.files, earlier, None)
    settings = Evolution(
        skill_dir=place.staged,
        error_json=_if_there(place.lessons("error")),
        success_json=_if_there(place.lessons("success")),
        intermediates_dir=place.folder / INTERMEDIATES,
        parse_failure_dir=place.folder / "parse_failures",
        changelog=place.folder / CHANGE_LOG,
        min_support=home.settings.min_support,
        prompt="generic",
        skill_format=FORMAT,
        model=replace(_model(home), released_temperature=TEMPERATURE),
    )
    return (await evolve(settings)).problems


def _if_there(file: Path) -> Path | None:
    return file if file.exists() else None


def _staged_lessons(place: Place) -> tuple[StagedLesson, ...]:
    before = previous(place.staged, Skill.load(place.base))
    known = {lesson.id for lesson in before.lessons} if before else set()
    return tuple(
        StagedLesson(id=one.id, title=one.title, support=one.support, sessions=one.runs)
        for one in place.provenance().lessons
        if one.id not in known
    )


def _usage(place: Place) -> Usage:
    """What all starts of the round have paid, as its files say."""
    total = Usage()
    summaries = [place.analysis(kind) / ANALYSIS_SUMMARY for kind in ("error", "success")]
    evolution = place.staged.parent.with_name("staged_evolution") / place.staged.name
    summaries.append(evolution / EVOLUTION_SUMMARY)
    for file in summaries:
        value = read_json(file) if file.exists() else {}
        for name in ("usage", "usage_of_reused_calls"):
            total += Usage.model_validate(value.get(name) or {})
    return total


class Rejected(BaseModel, frozen=True):
    """A lesson that the user has turned down."""

    title: str
    why: str
    round: int

    @property
    def said(self) -> str:
        return f"- {self.title} (turned down because: {self.why})"


def rejected(home: Home) -> list[Rejected]:
    """Raises ContractError for a line that does not fit."""
    return read_records(Rejected, home.rejected)
