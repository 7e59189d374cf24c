"""A table, a question about it and what an answer is worth, as both data sets give them."""

from dataclasses import dataclass, replace

from react_agent.errors import ContractError

TABLE, ANSWER = "Table", "Answer"
"""The sheets of the workbook in which a question stands."""
MOST_CELLS = 100_000
MOST_MERGED = 2_000
MOST_COLUMNS = 16_384
"""Of a worksheet."""


@dataclass(frozen=True)
class Merged:
    """Cells that show one value; rows and columns count from 0, ends count."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    def meets(self, other: "Merged") -> bool:
        rows = self.first_row <= other.last_row and other.first_row <= self.last_row
        columns = self.first_column <= other.last_column and other.first_column <= self.last_column
        return rows and columns

    def within(self, rows: int, columns: int) -> "Merged | None":
        """What of it lies in a table of this size; some of HiTab's reach a column too far."""
        last_row, last_column = min(self.last_row, rows - 1), min(self.last_column, columns - 1)
        fits = 0 <= self.first_row <= last_row and 0 <= self.first_column <= last_column
        several = (self.first_row, self.first_column) != (last_row, last_column)
        return (
            replace(self, last_row=last_row, last_column=last_column) if fits and several else None
        )


@dataclass(frozen=True)
class Table:
    rows: tuple[tuple[str, ...], ...]
    """Headers first."""
    merged: tuple[Merged, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        width = max((len(row) for row in self.rows), default=0)
        if not width:
            raise ContractError("the table has no cell")
        if width > MOST_COLUMNS or width * len(self.rows) > MOST_CELLS:
            raise ContractError(f"{len(self.rows)} rows of {width} cells are too large a table")
        if len(self.merged) > MOST_MERGED:
            raise ContractError(f"{len(self.merged)} merged areas are too many")

    def areas(self) -> list[Merged]:
        """Those that do not meet; a workbook with others is broken."""
        found: list[Merged] = []
        width = max(map(len, self.rows))
        for area in self.merged:
            inside = area.within(len(self.rows), width)
            if inside and not any(inside.meets(other) for other in found):
                found.append(inside)
        return found


@dataclass(frozen=True)
class Question:
    """One record of a data set, as a task."""

    id: str
    text: str
    table: str
    """The name of its table, as the record spells it."""
    answer: tuple[str, ...]
    canonical: tuple[str, ...] = ()
    """The values that the data set gives for the texts of `answer`; one for each, or none."""
    kinds: tuple[str, ...] = ()
    """What the data set calls the question's kind."""

    @property
    def instruction(self) -> str:
        return (
            f"The sheet {TABLE} holds a table. Answer this question about it:\n\n{self.text}\n\n"
            f"Write the answer into the sheet {ANSWER}, from A1 down, one item in each cell, and "
            "leave the cells below empty."
        )

    @property
    def instruction_type(self) -> str:
        """By which results are shown; the agent is told that cells are concerned."""
        return ", ".join(self.kinds)


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth."""

    strict: bool
    """By the data set's official rules; this is the score."""
    relaxed: bool
    """Also where only the form differs: units, separators, order, rounding. Shown beside it."""
    why: str = ""
    """Empty for a strict pass."""
