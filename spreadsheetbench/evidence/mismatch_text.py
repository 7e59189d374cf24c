"""The mismatch report as text, for a reader who looks for the cause. Facts, no advice."""

from collections.abc import Iterator

from react_agent.seams import FailingPlace
from spreadsheetbench.scoring.mismatches import CellMismatch, MismatchReport, PartReport

CELLS_WRITTEN = 30
"""Cells of one range that are written out; of the others only their names, up to NAMES."""
NAMES = 60
MAX_FAILING = 20
"""Cells a record names; a whole wrong column adds nothing to the first twenty."""


def render(report: MismatchReport) -> str:
    """Starts with `Result: PASS` or `Result: FAIL`."""
    ranges = "Ranges: " + ", ".join(map(_label, report.parts))
    if report.passed:
        return f"Result: PASS all compared cells match\n{ranges}"
    unread = sum(bool(part.error) for part in report.parts)
    what = [f"{report.mismatches} cells differ"] if report.mismatches else []
    what += [f"{unread} ranges cannot be compared"] if unread else []
    lines = [f"Result: FAIL {', '.join(what)}", ranges]
    for part in report.parts:
        lines += ["", *_part(part)]
    return "\n".join(lines)


def first_problem(report: MismatchReport) -> str:
    """The first thing that is wrong, in one line."""
    for part in report.parts:
        if part.error:
            return f"{_label(part)}: {part.error}"
        if part.shown:
            return f"{_label(part)}: {_cell(part.shown[0])}"
    return ""


def failing_cells(report: MismatchReport) -> tuple[FailingPlace, ...]:
    """Kinds only: a record holds no answer."""
    found = []
    for part in report.parts:
        if part.error:
            found.append(FailingPlace(part.sheet, "", part.error))
        found += [FailingPlace(part.sheet, cell.cell, _problem(cell)) for cell in part.shown]
    return tuple(found[:MAX_FAILING])


def _part(part: PartReport) -> Iterator[str]:
    if part.error:
        yield f"{_label(part)}: {part.error}"
        return
    if part.passed:
        yield f"{_label(part)}: all {part.cells_compared} cells match"
        return
    yield f"{_label(part)}: {part.mismatches} of {part.cells_compared} cells differ"
    written, named = part.shown[:CELLS_WRITTEN], part.shown[CELLS_WRITTEN:][:NAMES]
    yield from (f"  {_cell(cell)}" for cell in written)
    rest = part.mismatches - len(written)
    if rest:
        more = ", ..." if rest > len(named) else ""
        yield f"  and {rest} more: {', '.join(cell.cell for cell in named)}{more}"


def _cell(cell: CellMismatch) -> str:
    if cell.reason:
        return f"{cell.cell}: {cell.reason}"
    line = (
        f"{cell.cell}: expected {_value(cell.expected, cell.expected_type)}, "
        f"found {_value(cell.found, cell.found_type)}"
    )
    if not cell.formula:
        return line
    value = "no calculated value" if cell.found_type == "blank" else "this is its cached value"
    return f"{line} [formula {cell.formula}; {value}]"


def _value(shown: str, kind: str) -> str:
    if kind == "blank":
        return "blank"
    return f"{shown!r} ({kind})" if kind == "text" else f"{shown} ({kind})"


def _label(part: PartReport) -> str:
    return f"'{part.sheet}'!{part.range}" if part.range else part.part


def _problem(cell: CellMismatch) -> str:
    if cell.reason:
        return cell.reason
    if cell.kind == "other value":
        return f"another {cell.expected_type} than expected"
    return f"{cell.kind}: {cell.expected_type} expected, {cell.found_type} found"
