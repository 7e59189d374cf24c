"""The ledger as a terminal, a Markdown file, and a table for a paper show it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from react_agent.templates import Prompts
from reporting.comparing.tables import TEMPLATES, Table, plain, wrapped
from reporting.ledger.rows import LedgerRow, LedgerTable, OwnNumber

CAPTION = "Figures of arXiv 2603.25158 beside our own; differences are listed by run"
LEGEND = (
    "The paper's figures, in brackets its gain over the seed skill (or no skill), sd over its "
    "three seeds. Percent, but for ANLS scores."
)

TEXTS = Prompts(TEMPLATES)


def terminal(ledger: LedgerTable) -> str:
    """Fits 80 columns, but for paths that are longer by themselves."""
    lines = [*wrapped(LEGEND, indent=0)]
    for head, rows in _by_table(ledger):
        lines += ["", head]
        for line, cells in groupby(rows, lambda row: row.paper.line):
            lines += _line(line[2], line[3], list(cells))
    for text in _own_lines(ledger):
        lines += ["", *wrapped(text, indent=4, first="")]
    lines += ["", "SpreadsheetBench Verified: what others report", *wrapped(ledger.note)]
    for value, said in _others(ledger):
        lines += wrapped(f"{value:>13}  {said}", indent=19, first="  ")
    lines += ["", "SpreadsheetBench Verified: tasks whose own gold fails or deceives"]
    for fault in ledger.gold:
        what = f"{fault.finding} ({fault.rules} rules, rows {fault.half})"
        lines += wrapped(f"{fault.task:>8}  {what}", indent=12, first="  ")
    return "\n".join([*lines, "", f"{sum(ledger.counts.values())} figures: {_counts(ledger)}"])


def _counts(ledger: LedgerTable) -> str:
    return ", ".join(f"{number} {status}" for status, number in ledger.counts.items())


def _line(name: str, user: str | None, cells: list[LedgerRow]) -> list[str]:
    """Cells of one line may differ in status; each group has a line of its own."""
    lines = []
    for status, group in groupby(cells, lambda row: row.status):
        who = f" run by {user}" if user else ""
        numbers = ", ".join(f"{row.paper.benchmark} {_paper(row)}{_own(row)}" for row in group)
        lines += wrapped(f"{name}{who}: {numbers}", indent=14, first=f"  {status:<9}  ")
    return lines


def _paper(row: LedgerRow) -> str:
    std = "" if row.paper.std is None else f" sd {row.paper.std:g}"
    unit = " min" if row.paper.unit == "min" else ""
    delta = "" if row.paper.delta is None else f" ({row.paper.delta:+g})"
    return f"{row.paper.value:g}{unit}{delta}{std}"


def _own(row: LedgerRow) -> str:
    return "".join(f" [yours {_number(own)}]" for own in row.own)


def _yours(row: LedgerRow) -> str:
    return "; ".join(map(_number, row.own))


def _number(own: OwnNumber) -> str:
    return f"{own.value:.2f}" + ("" if own.std is None else f" sd {own.std:.2f}")


def _others(ledger: LedgerTable) -> Iterator[tuple[str, str]]:
    """Published figures, number and text, the lowest first; the user's own among them."""
    found: list[tuple[float, tuple[str, str]]] = []
    for figure in ledger.published:
        who = f"{figure.system} ({figure.model})" if figure.model else figure.system
        text = f"{who}, {figure.tasks}: {figure.source}"
        found.append((figure.value, (_span(figure.value, figure.to, figure.std), text)))
    for own in ledger.places:
        text = f"[yours] {own.path}, {own.tasks}"
        found.append((own.value, (_span(own.value, None, own.std), text)))
    return (line for _, line in sorted(found, key=lambda pair: pair[0]))


def _span(value: float, to: float | None, std: float | None) -> str:
    more = f" - {to:.2f}" if to is not None else "" if std is None else f" +- {std:.2f}"
    return f"{value:.2f}{more}"


def _own_lines(ledger: LedgerTable) -> Iterator[str]:
    """Each of the user's results once: what sets it apart, or why it stands nowhere."""
    seen = set()
    for row in ledger.rows:
        for own in row.own:
            if own.path not in seen:
                seen.add(own.path)
                apart = "; ".join(own.deviations) or "nothing that is known differs from the paper"
                yield f"{own.path}: {apart}"
    for unplaced in ledger.not_matched:
        yield f"{unplaced.path}: not matched: {unplaced.reason}"


def markdown(ledger: LedgerTable) -> str:
    files = dict.fromkeys(f for row in ledger.rows for own in row.own for f in own.files)
    number = {file: f"[{index}]" for index, file in enumerate(files, start=2)}

    def numbers(row: LedgerRow) -> str:
        return "; ".join(" ".join(number[file] for file in own.files) for own in row.own)

    columns: Mapping[str, Callable[[LedgerRow], object]] = {
        "row": lambda row: row.paper.row,
        "run by": lambda row: row.paper.user or "",
        "benchmark": lambda row: row.paper.benchmark,
        "paper": _paper,
        "yours": _yours,
        "status": lambda row: row.status,
        "from": numbers,
    }
    text = TEXTS.render(
        "ledger.md.j2",
        ledger=ledger,
        caption=CAPTION,
        counts=_counts(ledger),
        tables=[(head, Table.of(rows, columns)) for head, rows in _by_table(ledger)],
        own=list(_own_lines(ledger)),
        others=Table(("percent", "by whom, on what, said where"), tuple(_others(ledger))),
        faults=Table.of(
            ledger.gold,
            {
                "task": lambda fault: fault.task,
                "rows": lambda fault: fault.half,
                "what": lambda fault: fault.finding,
                "by the rules": lambda fault: fault.rules,
            },
        ),
        number=number,
    )
    return f"{text}\n"


def _by_table(ledger: LedgerTable) -> "groupby[str, LedgerRow]":
    return groupby(ledger.rows, lambda row: f"{row.paper.table} ({row.paper.version})")


def flat(ledger: LedgerTable) -> Table:
    """A line for each of the paper's numbers, or for each own number beside it: what CSV holds."""
    heads = (
        *("table", "version", "row", "author", "mode", "signal", "method", "user", "benchmark"),
        *("unit", "value", "delta", "std", "status", "own_value", "own_std", "own_path"),
        *("deviations", "files"),
    )
    return Table(heads, tuple(line for row in ledger.rows for line in _flat_lines(row)))


def _flat_lines(row: LedgerRow) -> Iterator[tuple[str, ...]]:
    paper = row.paper
    texts = (paper.table, paper.version, paper.row, paper.author, paper.mode, paper.signal)
    more = (paper.method, paper.user, paper.benchmark, paper.unit)
    numbers = (f"{paper.value:g}", plain(paper.delta), plain(paper.std))
    start = (*(text or "" for text in (*texts, *more)), *numbers, row.status)
    for own in row.own:
        apart, files = "; ".join(own.deviations), " ".join(own.files)
        yield (*start, plain(own.value), plain(own.std), own.path, apart, files)
    if not row.own:
        yield (*start, "", "", "", "", "")


def for_paper(ledger: LedgerTable) -> Table:
    """The columns that a paper has room for: what LaTeX holds."""
    return Table.of(
        ledger.rows,
        {
            "Table": lambda row: row.paper.table,
            "Version": lambda row: row.paper.version,
            "Row": lambda row: row.paper.row,
            "User": lambda row: row.paper.user or "",
            "Benchmark": lambda row: row.paper.benchmark,
            "Paper": lambda row: f"{row.paper.value:g}",
            "Ours": _yours,
            "Status": lambda row: row.status,
        },
    )
