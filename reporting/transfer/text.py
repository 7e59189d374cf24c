"""A table of transfer as a terminal, a Markdown file and a paper show it."""

from reporting.comparing.comparison import RECORDED
from reporting.comparing.comparison_text import ends, percent, points
from reporting.comparing.tables import Table, wrapped
from reporting.transfer.cells import Cell, TransferTable

CAPTION = "Accuracy in percent; in brackets the difference to the same model without a skill"


def wide(table: TransferTable) -> Table:
    """As the paper's Table 1: a row for each author and skill, a column for each user and
    benchmark; several runs of one place stand beside each other."""
    columns = dict.fromkeys((cell.user, cell.domain) for cell in table.cells)
    rows = dict.fromkeys((cell.author, cell.skill) for cell in table.cells)
    at: dict[tuple[str, ...], list[Cell]] = {}
    for cell in table.cells:
        at.setdefault((cell.author, cell.skill, cell.user, cell.domain), []).append(cell)
    heads = ("Author", "Skill", *(f"{user} on {domain}" for user, domain in columns))
    places = [[at.get((*row, *column), []) for column in columns] for row in rows]
    shown = [[", ".join(map(_short, cells)) or "not run" for cells in line] for line in places]
    return Table(heads, tuple((*row, *line) for row, line in zip(rows, shown, strict=True)))


def _short(cell: Cell) -> str:
    change = "" if cell.difference is None else f" ({points(cell.difference)} {cell.verdict})"
    return f"{percent(cell.accuracy)}{change}"


def flat(table: TransferTable) -> Table:
    """A row for each cell, with all that is known of it."""
    return Table.of(
        table.cells,
        {
            "author": lambda c: c.author,
            "skill": lambda c: c.skill,
            "user": lambda c: c.user,
            "benchmark": lambda c: c.domain,
            "tasks": lambda c: c.tasks,
            "seeds": lambda c: c.seeds,
            "accuracy": lambda c: percent(c.accuracy),
            "interval": lambda c: ends(c.interval),
            "difference": lambda c: "" if c.difference is None else points(c.difference),
            "verdict": lambda c: c.verdict or "",
            "p": lambda c: "" if c.p is None else f"{c.p:.3g}",
            "paper": _paper,
            "run": lambda c: c.path,
        },
    )


def _paper(cell: Cell) -> str:
    return ", ".join(f"{x.benchmark} {x.value:.2f} ({x.version})" for x in cell.paper)


def terminal(table: TransferTable) -> str:
    lines = []
    for cell in table.cells:
        skill = f"{cell.skill} ({cell.author})" if cell.skill else cell.author
        lines += wrapped(f"{cell.user} on {cell.domain}, {skill}", first="", indent=2)
        said = f"{percent(cell.accuracy)} % of {cell.tasks} tasks (95 % interval "
        said += f"{ends(cell.interval, ' to ')})"
        if cell.difference is not None:
            said += f"; {(cell.verdict or '').upper()}, {points(cell.difference)} points"
            said += f" against no skill, p {cell.p:.3g}" if cell.p is not None else ""
        lines += wrapped(said)
        lines += wrapped(f"the paper: {_paper(cell)}") if cell.paper else []
        lines += wrapped(f"note: {cell.note}") if cell.note else []
    marked = [RECORDED.upper()] if any(cell.recorded for cell in table.cells) else []
    return "\n".join([*marked, *lines, *marked])


def markdown(table: TransferTable) -> str:
    mark = [f"**{RECORDED}**", ""] if any(cell.recorded for cell in table.cells) else []
    parts = [*mark, f"{CAPTION}.", "", wide(table).markdown(), "", flat(table).markdown()]
    return "\n".join(parts) + "\n"
