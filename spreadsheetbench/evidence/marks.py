"""By what a workbook that was made from another can be known: marks that no task asks for.

Who made a workbook and when, and how its sheets are looked at and printed, survive when it is
opened and saved under another name. Where the truth and what the agent had differ in such marks,
they say which of the two a repair was made from. Where they do not differ, nothing does.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from react_agent.proof import Origin

Marks = dict[str, object]

_PROPERTIES = re.findall(
    r"\w+",
    "creator created modified lastModifiedBy lastPrinted title subject description keywords "
    "category identifier language version revision contentStatus",
)


def origin_of(repair: Path, truth: Path, others: tuple[Path, ...]) -> Origin:
    """Raises whatever openpyxl raises when a workbook cannot be loaded."""
    own, plain = _marks(truth), dict(_of(Workbook()))
    beside = [_marks(path) for path in others]
    telling = {
        name: value
        for name, value in own.items()
        if value not in (None, "", plain.get(name)) and all(m.get(name) != value for m in beside)
    }
    found = _marks(repair)
    taken = [name for name, value in telling.items() if found.get(name) == value]
    kept = [
        name
        for name in telling
        if name in found and any(m.get(name) == found[name] for m in beside)
    ]
    return Origin(len(taken), len(kept), len(telling), tuple(taken[:5]))


def _marks(path: Path) -> Marks:
    return dict(_of(load_workbook(path)))


def _of(book: Workbook) -> Iterator[tuple[str, object]]:
    for name in _PROPERTIES:
        yield name, getattr(book.properties, name, None)
    for number, sheet in enumerate(book.worksheets):
        for name, value in _of_sheet(sheet):
            yield f"sheet {number + 1}, {name}", value


def _of_sheet(sheet: Worksheet) -> Iterator[tuple[str, object]]:
    view = sheet.sheet_view
    yield "zoom", view.zoomScale
    yield "top left cell", view.topLeftCell
    yield "selection", tuple(str(s.sqref) for s in view.selection)
    yield "printing", repr(sheet.page_setup.__dict__.get("r_id") or sheet.page_setup.paperSize)
    for letter, column in sheet.column_dimensions.items():
        yield f"width of {letter}", column.width if column.customWidth else None
