"""Calculation engines for formulas that hold no cached value, as openpyxl leaves all of them.

What they find is laid over a copy of what was read: only over formulas without a value, and only
of outputs. It makes a second column beside the verdict and never replaces it.
"""

import asyncio
import datetime
import functools
import importlib
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from openpyxl.styles.numbers import is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from react_agent.errors import ContractError
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import Sandbox, open_sandbox
from react_agent.sandbox.limits import Limits, MiB
from react_agent.sandbox.office import find_office, installation
from react_agent.sandbox.untrusted import take_file
from spreadsheetbench.book.book import Book, CellPlace, Formula, Formulas
from spreadsheetbench.book.cells import CellValue, is_blank
from spreadsheetbench.book.positions import Box
from spreadsheetbench.reading.reader import OpenpyxlReader
from spreadsheetbench.scoring.compare import ComparedPart, cell_name

EngineName = Literal["betteroffice", "formulon", "libreoffice"]

Key = tuple[str, CellPlace]
"""A sheet's name and a cell of it."""

LIBREOFFICE_SECONDS = 90
LARGEST = 100 * MiB


class CalculationEngine(Protocol):
    """Raises whatever goes wrong; cells that it cannot compute are left out of its answer."""

    def check(self) -> None:
        """Raises ContractError, saying what to install, where the engine is not to be had."""
        ...

    def compute(
        self, path: Path, wanted: Mapping[Key, Formula], *, counts_from_1904: bool
    ) -> dict[Key, CellValue]: ...


def uncached(
    book: Book, formulas: Formulas, compared: Iterable[ComparedPart] | None = None
) -> dict[Key, Formula]:
    """The formulas without a cached value, of all cells or of those that are compared."""
    found: dict[Key, Formula] = {}
    for name, box in _searched(book, compared):
        sheet = book.sheet(name)
        if sheet is None:
            continue
        calculated = sheet.values.keys() | sheet.empty_texts
        for place, formula in formulas.sheets.get(name, {}).items():
            has_value = place in calculated or formula.spills_from in calculated
            if not has_value and (box is None or box.holds(place)):
                found[name, place] = formula
    return found


def _searched(
    book: Book, compared: Iterable[ComparedPart] | None
) -> Iterator[tuple[str, Box | None]]:
    if compared is None:
        yield from ((name, None) for name in book.names)
        return
    for part in compared:
        if part.output and part.box:
            yield part.output.name, part.box


def uncached_values(path: Path, engine: EngineName = "betteroffice") -> dict[Key, CellValue]:
    """All that the engine can say of a workbook's formulas without a value."""
    reader = OpenpyxlReader()
    formulas = reader.formulas(path)
    wanted = uncached(reader.read(path), formulas)
    return ENGINES[engine].compute(path, wanted, counts_from_1904=formulas.counts_from_1904)


def overlay(book: Book, values: Mapping[Key, CellValue]) -> Book:
    """A copy of the book with these values in it; a cell that has one already keeps it."""
    new: dict[str, dict[CellPlace, CellValue]] = {}
    for (name, place), value in values.items():
        if not is_blank(value):
            new.setdefault(name, {})[place] = value
    return Book(
        tuple(
            replace(sheet, values={**new[sheet.name], **sheet.values})
            if sheet.name in new
            else sheet
            for sheet in book.sheets
        )
    )


def as_read(value: bool | float | str, number_format: str, *, counts_from_1904: bool) -> CellValue:
    """What openpyxl would read, had this value been cached in a cell of this number format."""
    if isinstance(value, bool | str):
        return value
    number = int(value) if float(value).is_integer() else value
    if not is_date_format(number_format):
        return number
    epoch = CALENDAR_MAC_1904 if counts_from_1904 else CALENDAR_WINDOWS_1900
    try:
        read: CellValue = from_excel(number, epoch, timedelta=is_timedelta_format(number_format))
    except (OverflowError, ValueError):
        return "#VALUE!"
    return read


class Betteroffice:
    """Embedded; the default. Native code, so it belongs into a worker process."""

    def check(self) -> None:
        _module("betteroffice_xlsx", "betteroffice-xlsx==0.2.1")

    def compute(
        self, path: Path, wanted: Mapping[Key, Formula], *, counts_from_1904: bool
    ) -> dict[Key, CellValue]:
        engine = _module("betteroffice_xlsx", "betteroffice-xlsx==0.2.1")
        # TODAY() and NOW() are errors unless the engine is told the time.
        since = datetime.datetime.now() - datetime.datetime(1899, 12, 30)
        book = engine.Workbook.open_recalculated(path.read_bytes(), now_serial=since / _DAY)
        over_limit = book.last_calculation().limited
        found: dict[Key, CellValue] = {}
        for (sheet, place), formula in wanted.items():
            try:
                value = book.value(sheet, cell_name(place))
            except (KeyError, engine.XlsxError):
                continue
            if isinstance(value, engine.CellError):
                value = value.code
                # Beyond a fixed amount of work the engine says #NUM! without having calculated.
                if over_limit and value == "#NUM!":
                    continue
            if value is not None:
                found[sheet, place] = as_read(
                    value, formula.number_format, counts_from_1904=counts_from_1904
                )
        return found


class Formulon:
    """Embedded, optional; a few tasks better than the default and three seconds slower to start."""

    def check(self) -> None:
        _module("formulon", "formulon==0.18.0")

    def compute(
        self, path: Path, wanted: Mapping[Key, Formula], *, counts_from_1904: bool
    ) -> dict[Key, CellValue]:
        engine = _module("formulon", "formulon==0.18.0")
        found: dict[Key, CellValue] = {}
        with engine.Workbook.load(path.read_bytes()) as book:
            book.recalc()
            indexes = {book.sheet_name(i): i for i in range(book.sheet_count())}
            for (sheet, (column, row)), formula in wanted.items():
                if sheet not in indexes:
                    continue
                cell = book.get_value(indexes[sheet], row - 1, column - 1)
                value = cell.to_python()
                if cell.error_code is not None:
                    value = engine.error_display_name(cell.error_code)
                if isinstance(value, bool | float | str):
                    found[sheet, (column, row)] = as_read(
                        value, formula.number_format, counts_from_1904=counts_from_1904
                    )
        return found


class LibreOffice:
    """A program of its own, optional. It follows what a workbook links to, so it runs where an
    agent's commands do, without network, keys or files. Every call has a profile of its own:
    calls that share one lose files without a word."""

    def check(self) -> None:
        self._program()
        _sandbox()

    def compute(
        self, path: Path, wanted: Mapping[Key, Formula], *, counts_from_1904: bool
    ) -> dict[Key, CellValue]:
        with tempfile.TemporaryDirectory() as name:
            converted = self._convert(path, Path(name))
            reader = OpenpyxlReader()
            # Some sheets come back under another name, so they are told by their place.
            renamed = dict(
                zip(reader.read(path).names, reader.read(converted).sheets, strict=False)
            )
        return {(sheet, place): renamed[sheet].value(place) for sheet, place in wanted}

    def _convert(self, path: Path, folder: Path) -> Path:
        program = self._program()
        room = folder / "case"
        room.mkdir()
        shutil.copyfile(path, room / "book.xlsx")
        command = [
            str(program.resolve()),
            "-env:UserInstallation=file:///tmp/profile",
            "--headless",
            "--calc",
        ]
        command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", "out", "book.xlsx"]

        async def work() -> BashResult:
            async with _sandbox().case(room, read_only=installation(program)) as shell:
                return await shell.run(shlex.join(command))

        done = asyncio.run(work())
        converted = take_file(room / "out" / "book.xlsx", folder / "book.xlsx", LARGEST)
        if converted is None:
            why = f": stopped by its limit on {done.killed}" if done.killed else ""
            raise RuntimeError(f"LibreOffice wrote no workbook{why}")
        return converted

    def _program(self) -> Path:
        program = find_office()
        if program is None:
            raise ContractError(
                "--recalc-engine libreoffice: no soffice program found; install libreoffice-calc"
            )
        return program


@functools.cache
def _sandbox() -> Sandbox:
    """Raises ContractError where there is none."""
    try:
        return open_sandbox("bwrap", limits=Limits(seconds=LIBREOFFICE_SECONDS))
    except ContractError as error:
        raise ContractError(
            f"--recalc-engine libreoffice: it opens what workbooks link to and runs only in a "
            f"sandbox; {error}"
        ) from None


ENGINES: dict[EngineName, CalculationEngine] = {
    "betteroffice": Betteroffice(),
    "formulon": Formulon(),
    "libreoffice": LibreOffice(),
}

_DAY = datetime.timedelta(days=1)


def _module(name: str, requirement: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ContractError(
            f"--recalc-engine: {name} is not installed; pip install {requirement}"
        ) from None
