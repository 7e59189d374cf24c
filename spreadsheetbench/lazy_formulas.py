"""Formulas from the rows of a sheet, as openpyxl's parser has them."""

import re
from collections.abc import Iterable

from openpyxl.formula.translate import Translator
from openpyxl.utils.cell import column_index_from_string, range_boundaries

from spreadsheetbench.archive import Unusual
from spreadsheetbench.positions import Box
from spreadsheetbench.reader import MAX_ARRAY, CellPlace, Formula
from spreadsheetbench.sheet_xml import unescaped

_ATTRIBUTES = re.compile(rb"(?:\s+(\w+)=\"([^\"&]*)\")*\s*")
_ATTRIBUTE = re.compile(rb"(\w+)=\"([^\"]*)\"")


def formulas_of(cells: Iterable[tuple[bytes, bytes, bytes, bytes]]) -> dict[CellPlace, Formula]:
    """Without number formats; cells that an array fills name the one that holds it."""
    found: dict[CellPlace, Formula] = {}
    shared: dict[str, Translator] = {}
    arrays: list[tuple[CellPlace, str]] = []
    for letters, digits, told, text in cells:
        attributes = _attributes(told)
        place = column_index_from_string(letters.decode()), int(digits)
        name = (letters + digits).decode()
        formula = "=" + unescaped(text)
        kind = attributes.get("t", "normal")
        if kind == "array":
            arrays.append((place, attributes.get("ref", "")))
        elif kind == "shared":
            number = attributes.get("si", "")
            if number in shared:
                formula = shared[number].translate_formula(name)
            elif formula != "=":
                shared[number] = Translator(formula, name)
        elif kind != "normal":
            raise Unusual("a formula of another kind")
        found[place] = Formula(formula, "")
    for anchor, ref in arrays:
        box = _box(ref)
        if (box.last_column - anchor[0] + 1) * (box.last_row - anchor[1] + 1) <= MAX_ARRAY:
            spilled = Formula(found[anchor].text, "", spills_from=anchor)
            for column in range(box.first_column, box.last_column + 1):
                for row in range(box.first_row, box.last_row + 1):
                    found.setdefault((column, row), spilled)
    return found


def _attributes(told: bytes) -> dict[str, str]:
    if not _ATTRIBUTES.fullmatch(told):
        raise Unusual("a formula of another form")
    return {name.decode(): value.decode() for name, value in _ATTRIBUTE.findall(told)}


def _box(ref: str) -> Box:
    try:
        left, top, right, bottom = range_boundaries(ref)
    except ValueError as error:
        raise Unusual(str(error)) from None
    if left is None or top is None or right is None or bottom is None:
        raise Unusual("an array of no single cells")
    return Box(left, top, right, bottom)
