"""One table of text cells as a terminal shows it, and as Markdown, CSV and LaTeX."""

import csv
import io
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from react_agent.files import write_json, write_whole
from react_agent.settings import Settings, setting

WIDTH = 80
"""Columns that a terminal is sure to have."""
PAGE = 40
"""Rows that one page of a paper holds; more need a table that goes on."""
TEMPLATES = Path(__file__).parents[1] / "templates"
_Row = TypeVar("_Row")
_NUMERIC = re.compile(r"[+\-−]?[\d.,]+( ?%)?|-|")


@dataclass(frozen=True)
class Table:
    """Rows as long as `heads`."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, rows: Iterable[_Row], columns: Mapping[str, Callable[[_Row], object]]) -> "Table":
        """A column for each head: what it shows of a row."""
        cells = tuple(tuple(str(shown(row)) for shown in columns.values()) for row in rows)
        return cls(tuple(columns), cells)

    def lines(self) -> list[str]:
        """Columns as wide as their longest cell, numbers to the right; blanks at ends cut."""
        cells = [self.heads, *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.heads))]
        right = [
            all(_NUMERIC.fullmatch(row[column]) for row in self.rows)
            for column in range(len(self.heads))
        ]
        return [
            (
                "  "
                + "  ".join(
                    cell.rjust(width) if is_right else cell.ljust(width)
                    for cell, width, is_right in zip(row, widths, right, strict=True)
                )
            ).rstrip()
            for row in cells
        ]

    def markdown(self) -> str:
        rows = [self.heads, tuple("---" for _ in self.heads), *self.rows]
        return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)

    def csv(self) -> str:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([self.heads, *self.rows])
        return stream.getvalue()

    def latex(self, caption: str) -> str:
        """A booktabs table. Heads and cells are escaped; `caption` is LaTeX already."""
        import pandas as pd  # a second of imports, and wanted for this alone

        frame = pd.DataFrame(self.rows, columns=list(self.heads), dtype=object)
        style = frame.style.hide(axis="index").format(_angles, escape="latex")
        style = style.format_index(escape="latex", axis=1)
        if len(self.rows) > PAGE:
            text = style.to_latex(hrules=True, caption=caption, environment="longtable")
            return f"% needs \\usepackage{{booktabs,longtable}}\n{text}"
        text = style.to_latex(hrules=True, caption=caption, position_float="centering")
        return f"% needs \\usepackage{{booktabs}}\n{text}"


@dataclass(frozen=True, kw_only=True)
class Forms(Settings):
    """The files that a result is also written to."""

    json: Path | None = setting("also write it as json", None, unit="FILE")
    markdown: Path | None = setting("also write it as markdown", None, unit="FILE")
    csv: Path | None = setting("also write it as csv", None, unit="FILE")
    latex: Path | None = setting("also write it as latex", None, unit="FILE")

    def write(
        self, value: object, markdown: str, rows: Table, for_paper: Table, caption: str
    ) -> None:
        """`value` as JSON, `rows` as CSV, `for_paper` as LaTeX."""
        if self.json:
            write_json(self.json, value)
        if self.markdown:
            write_whole(self.markdown, markdown)
        if self.csv:
            write_whole(self.csv, rows.csv())
        if self.latex:
            write_whole(self.latex, for_paper.latex(caption))


def wrapped(text: str, indent: int = 2, first: str | None = None) -> list[str]:
    """Lines no longer than a terminal; a long path is left whole rather than broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent if first is None else first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _cell(text: str) -> str:
    """Nothing in a cell may end it, and nothing in it is markup."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", text.replace("\n", " "))


def _angles(text: object) -> str:
    """pandas leaves these, which LaTeX's default fonts print as inverted marks."""
    return str(text).replace("<", r"\textless{}").replace(">", r"\textgreater{}")
