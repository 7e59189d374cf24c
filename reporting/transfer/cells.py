"""The cells of a table of transfer: a skill of one author, used by one model on one benchmark.

Each stands against the run without a skill of the same model on the same benchmark, the first of
several, where there is one, by the rule of `compare` with Holm's correction over the whole table.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel

from react_agent.errors import ContractError
from react_agent.runs.reproduced import runs_of
from react_agent.skills import Skill
from reporting.comparing.comparison import Interval, Pair, Word
from reporting.comparing.entrants import Entrant, load_entrant, load_entrants
from reporting.comparing.standings import paired, standing_of
from reporting.ledger.matching import identify
from reporting.ledger.origins import SEED_SKILLS, Unmatched, provenance_of
from reporting.ledger.paper import load_rows
from spreadsheet_agent import SKILLS

NO_SKILL = "no skill"


class PaperFigure(BaseModel, frozen=True):
    """What the paper has in this place, in percent."""

    version: str
    benchmark: str
    value: float


class Cell(BaseModel, frozen=True):
    """A run, or several seeds of one."""

    path: str
    author: str
    """The model that wrote the skill, as its history notes it; else what is known of it."""
    skill: str
    user: str
    domain: str
    tasks: int
    seeds: int
    accuracy: float
    interval: Interval
    against: str = ""
    """Path of the run without a skill; empty where there is none of this model and benchmark."""
    difference: float | None = None
    verdict: Word | None = None
    p: float | None = None
    paper: tuple[PaperFigure, ...] = ()
    recorded: bool
    note: str = ""


class TransferTable(BaseModel, frozen=True):
    """All cells, in the order of the runs."""

    cells: tuple[Cell, ...]


def transfer_table(runs: Iterable[Path], data_path: Path | None = None) -> TransferTable:
    """Raises ContractError for what is no run with verdicts."""
    sides = [load_entrant(str(path), path) for path in runs_of(runs)]
    bare: dict[tuple[str, str], Entrant] = {}
    for side in filter(_is_bare, sides):
        bare.setdefault(_place(side), side)
    measured, notes = _measured(sides, bare)
    return TransferTable(
        cells=tuple(
            _cell(side, measured.get(side.path), notes.get(side.path, ""), data_path)
            for side in sides
        )
    )


def _is_bare(side: Entrant) -> bool:
    """A memory before each task is help as well."""
    return not (side.first.view.skill or side.first.view.memory)


def _place(side: Entrant) -> tuple[str, str]:
    return side.first.view.model, side.first.view.domain


def _measured(
    sides: Sequence[Entrant], bare: dict[tuple[str, str], Entrant]
) -> tuple[dict[str, tuple[str, Pair]], dict[str, str]]:
    """By path: against which run, and how; or why it was not to be compared."""
    both, notes = {}, {}
    for side in sides:
        base = bare.get(_place(side))
        if base is None or _is_bare(side):
            continue
        try:
            both[side.path], said = load_entrants([Path(base.path), Path(side.path)], common=True)
        except ContractError as error:
            notes[side.path] = str(error)
        else:
            notes[side.path] = "; ".join(said)
    pairs = paired([(one, two) for one, two in both.values()])
    against = {path: bare[_place(next(s for s in sides if s.path == path))].path for path in both}
    found = {p: (against[p], pair) for p, pair in zip(both, pairs, strict=True)}
    return found, notes


def _cell(side: Entrant, found: tuple[str, Pair] | None, note: str, data_path: Path | None) -> Cell:
    view, own = side.first.view, standing_of(side)
    against, pair = found or ("", None)
    author, unknown = author_of(side)
    return Cell(
        path=side.path,
        author=author,
        skill=view.skill,
        user=view.model,
        domain=view.domain,
        tasks=own.tasks,
        seeds=own.runs,
        accuracy=own.accuracy,
        interval=own.interval,
        against=against,
        difference=pair.difference if pair else None,
        verdict=pair.verdict if pair else None,
        p=pair.p_adjusted if pair else None,
        paper=tuple(_figures(side, data_path)),
        recorded=side.recorded,
        note="; ".join(filter(None, (unknown, note))),
    )


def author_of(side: Entrant) -> tuple[str, str]:
    """Who wrote its skill; and why that is not known, where it is not."""
    view = side.first.view
    noted = view.settings.get("skill")
    if not isinstance(noted, dict) or not noted:
        return ("a memory" if view.settings.get("memory") else NO_SKILL), ""
    for name, (mode, _) in SEED_SKILLS.items():
        if Skill.load(SKILLS / name).digest == noted.get("digest"):
            return mode, ""
    try:
        provenance = provenance_of(side, str(noted.get("digest")))
    except Unmatched as why:
        return "not known", str(why)
    lessons = provenance.settings.get("lessons")
    model = str(provenance.settings.get("model") or "a model that was not noted")
    return f"{model}, {lessons} lessons" if lessons else model, ""


def _figures(side: Entrant, data_path: Path | None) -> list[PaperFigure]:
    try:
        own = identify(side, data_path)
    except Unmatched:
        return []
    return [
        PaperFigure(version=row.version, benchmark=row.benchmark, value=row.value)
        for row in load_rows()
        if own.fits(row) and row.unit == "%"
    ]
