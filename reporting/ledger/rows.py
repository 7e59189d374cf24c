"""What the ledger says of each row of the paper."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from pydantic import BaseModel

from reporting.ledger.matching import Own
from reporting.ledger.paper import TABLES, PaperRow
from reporting.ledger.published import Figure, GoldFault, Place, load_published

Status = Literal["run", "deviating", "not run"]
STATUSES: tuple[Status, ...] = get_args(Status)


class OwnNumber(BaseModel, frozen=True):
    """A number of the user's own, in the unit of the paper's beside it."""

    path: str
    value: float
    std: float | None = None
    """Over seeds; None for one."""
    deviations: tuple[str, ...]
    files: tuple[str, ...]


class LedgerRow(BaseModel, frozen=True):
    """One number of the paper and what stands beside it."""

    paper: PaperRow
    status: Status
    own: tuple[OwnNumber, ...] = ()


class Unplaced(BaseModel, frozen=True):
    """A result that stands beside no row."""

    path: str
    reason: str


class LedgerTable(BaseModel, frozen=True):
    """All rows, in the order of the paper's file."""

    source: str
    """The file with the paper's figures."""
    counts: dict[Status, int]
    """Over all rows, listed or not."""
    rows: tuple[LedgerRow, ...]
    not_matched: tuple[Unplaced, ...]
    note: str
    """What the following figures are."""
    published: tuple[Figure, ...]
    places: tuple[Place, ...]
    gold: tuple[GoldFault, ...]

    def matched(self) -> "LedgerTable":
        rows = tuple(row for row in self.rows if row.status != "not run")
        return self.model_copy(update={"rows": rows})


def fill(
    rows: Sequence[PaperRow],
    results: Sequence[Own],
    unmatched: Mapping[str, str],
    places: Sequence[Place] = (),
) -> LedgerTable:
    """`unmatched` gives the reason for each result that stands beside no row."""
    published = load_published()
    kept = tuple(_row(row, results) for row in rows)
    placed = {own.path for row in kept for own in row.own}
    nowhere = {own.path: _nowhere(own) for own in results if own.path not in placed}
    reasons = {**unmatched, **nowhere}
    counts = Counter(row.status for row in kept)
    return LedgerTable(
        source=TABLES.name,
        counts={status: counts[status] for status in STATUSES},
        rows=kept,
        not_matched=tuple(Unplaced(path=path, reason=why) for path, why in reasons.items()),
        note=published.note,
        published=published.figures,
        places=tuple(places),
        gold=published.gold,
    )


def _row(row: PaperRow, results: Sequence[Own]) -> LedgerRow:
    own = tuple(
        OwnNumber(
            path=result.path,
            value=result.values[row.benchmark],
            std=result.std[row.benchmark],
            deviations=result.deviations,
            files=result.files,
        )
        for result in results
        if result.fits(row)
    )
    if not own:
        return LedgerRow(paper=row, status="not run")
    faithful = any(not number.deviations for number in own)
    return LedgerRow(paper=row, status="run" if faithful else "deviating", own=own)


def _nowhere(own: Own) -> str:
    origin = own.origin
    author = origin.author and f"author {origin.author}"
    made = (origin.mode, author, origin.signal, origin.method, origin.analyst)
    what = ", ".join(filter(None, made))
    return f"no row has user {own.user}, {what}, on {' and '.join(own.values)}"
