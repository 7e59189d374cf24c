#!/usr/bin/env python3
"""Give every formula cell without a stored value its value, and change nothing else in the file.

    python recalc.py FILE.xlsx [--timeout SECONDS] [--engine auto|embedded|libreoffice]

openpyxl stores formulas without values, so whoever reads values finds those cells empty. The
values are spliced into the sheets' XML: stored values, styles, images and every other byte stay.
The report is JSON on stdout. Exit code: 0 every formula has a value, 1 some could not be
computed (they are listed and stay as they were), 2 the file cannot be used, or nothing here can
compute: that takes LibreOffice (soffice), or the Python package betteroffice-xlsx.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# A skill folder is hashed and copied: no compiled files in it.
sys.dont_write_bytecode = True
from sheet_xml import BadWorkbook, Edit, Package, Value, splice, value_edits  # noqa: E402

MAX_ENGINE_MEMORY = 4 << 30
MAX_PASSES = 8
LISTED = 20
NEEDED = "computing formulas needs LibreOffice (soffice) or the Python package betteroffice-xlsx"
ERROR_VALUES = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#N/A", "#SPILL!", "#CALC!"}
"""Errors that are results. #NAME? is not among them: it only says that the engine does not know
a function or a name."""

LOOKUP = re.compile(r"\b(X?MATCH|[VHX]LOOKUP|SEARCH)\(", re.IGNORECASE)

Key = tuple[str, str]
"""A sheet's name and a cell's address."""


class NoEngine(Exception):
    """Nothing here can compute formulas."""


class EngineFailure(Exception):
    """An engine gave no answers at all; its cells stay as they are."""


def engine_copy(package: Package, path: Path, found: dict[Key, Value]) -> None:
    """What an engine gets: stored and found values stand as constants, so it computes only what
    is missing, and an engine that cannot do some stored formula still has its value.

    Shared and array formulas stay: other cells depend on their text.
    """
    changed = {}
    for sheet in package.sheets:
        edits: list[Edit] = []
        for cell in sheet.cells:
            value = found.get((sheet.name, cell.ref))
            if (value or cell.cached) and not cell.kind:
                edits += value_edits(sheet.xml, cell, value) if value else []
                edits += [(*cell.formula_span, b"")]
        changed[sheet.part] = splice(sheet.xml, edits)
    package.write(path, changed)


def run_embedded(
    book: Path, package: Package, missing: list[Key], timeout: float
) -> dict[Key, Value]:
    """The engine stops after a fixed amount of work for one pass and calls the rest #NUM!; so
    what it did find is kept, and the rest asked for again."""
    found: dict[Key, Value] = {}
    deadline = time.monotonic() + timeout
    for _ in range(MAX_PASSES):
        engine_copy(package, book, found)
        wanted = [key for key in missing if key not in found]
        reply = ask_worker(book, wanted, deadline - time.monotonic())
        answers = dict(zip(wanted, map(tuple, reply["answers"]), strict=True))
        new = {
            key: answer
            for key, answer in answers.items()
            if answer and not (reply["limited"] and answer == ("e", "#NUM!"))
        }
        found |= new
        if not new or not reply["limited"]:
            break
    return found


def ask_worker(book: Path, cells: list[Key], timeout: float) -> Any:
    """The engine is native code: a process of its own keeps a crash or a hang away from us."""
    done = subprocess.run(
        [sys.executable, __file__, "--worker"],
        input=json.dumps({"book": str(book), "cells": cells}).encode(),
        capture_output=True,
        timeout=timeout,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise EngineFailure(last or f"ended with code {done.returncode}")
    return json.loads(done.stdout)


def embedded_worker() -> int:
    request = json.load(sys.stdin)
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or hard > MAX_ENGINE_MEMORY:
            resource.setrlimit(resource.RLIMIT_AS, (MAX_ENGINE_MEMORY, hard))
    from betteroffice_xlsx import Workbook, XlsxError

    # TODAY() and NOW() are errors unless the engine is told the time, as a date serial.
    now = (datetime.now() - datetime(1899, 12, 30)).total_seconds() / 86400
    book = Workbook.open_recalculated(Path(request["book"]).read_bytes(), now_serial=now)
    answers: list[Value | tuple[()]] = []
    for sheet, ref in request["cells"]:
        try:
            answers.append(typed(book.value(sheet, ref)))
        except XlsxError:
            answers.append(())
    json.dump({"limited": book.last_calculation().limited, "answers": answers}, sys.stdout)
    return 0


def typed(value: Any) -> Value | tuple[()]:
    """Empty for None, which the engine gives for a formula that it cannot read."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("b", str(int(value)))
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return ("n", str(int(value)) if whole else repr(value))
    if isinstance(value, str):
        return ("str", value)
    return ("e", str(value))


def find_soffice() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def run_libreoffice(
    book: Path, package: Package, missing: list[Key], timeout: float
) -> dict[Key, Value]:
    """Only the missing cells' values are taken from what LibreOffice writes: the rest of its
    output (renamed sheets, trimmed strings, rounded numbers) never reaches the workbook."""
    soffice = find_soffice()
    if soffice is None:
        raise EngineFailure("soffice is not installed")
    engine_copy(package, book, {})
    folder = book.parent / "written"
    # A profile of its own: two soffice processes on one profile lose files.
    profile = f"-env:UserInstallation={(book.parent / 'profile').as_uri()}"
    command = [soffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder)]
    done = subprocess.run([*command, str(book)], capture_output=True, timeout=timeout)
    if not (folder / book.name).is_file():
        raise EngineFailure(f"wrote no file, code {done.returncode}")
    written = Package.read(folder / book.name)
    found = {
        (ours.name, cell.ref): (cell.type, cell.value)
        for ours, theirs in zip(package.sheets, written.sheets, strict=False)
        for cell in theirs.cells
        if cell.cached
    }
    return {key: found[key] for key in missing if key in found}


def distrust(engine: str, value: Value, formula: str) -> str:
    """Why an answer only says what the engine lacks, and so is no value; empty when it is one."""
    texts = re.findall(r'"(?:[^"]|"")*"', formula)
    wild = any(set(text) & set("*?") for text in texts)
    if engine == "embedded" and wild and LOOKUP.search(formula):
        return "wildcards in a lookup are beyond it"
    if value[0] != "e":
        return ""
    if re.search(r"\[\d+\][^\[\]]*!", formula):
        return "linked to another workbook"
    return "" if value[1] in ERROR_VALUES else value[1]


def engines_here() -> list[str]:
    embedded = find_spec("betteroffice_xlsx") is not None
    return ["libreoffice"] * bool(find_soffice()) + ["embedded"] * embedded


ENGINES = {"embedded": run_embedded, "libreoffice": run_libreoffice}


@dataclass
class Computed:
    """What the engines answered, and which of them were asked."""

    values: dict[Key, Value] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)
    engines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compute(package: Package, engine: str, timeout: float) -> Computed:
    """`auto` asks LibreOffice where there is one, and the embedded engine, where there is that,
    for the rest. Raises NoEngine where there is neither and a value is missing."""
    formulas = {
        (sheet.name, cell.ref): cell.formula
        for sheet in package.sheets
        for cell in sheet.cells
        if not cell.cached
    }
    asked = [engine] if engine != "auto" else engines_here()
    if formulas and not asked:
        raise NoEngine(f"{NEEDED}; the {len(formulas)} formulas without a value stay so")
    result = Computed()
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.xlsx"
        for name in asked:
            missing = [key for key in formulas if key not in result.values]
            if not missing:
                break
            result.engines.append(name)
            try:
                answers = ENGINES[name](book, package, missing, timeout)
            except subprocess.TimeoutExpired:
                result.notes.append(f"{name}: stopped after {timeout:g} s")
            except (EngineFailure, BadWorkbook, OSError, ValueError) as error:
                result.notes.append(f"{name}: {error}")
            else:
                for key, value in answers.items():
                    reason = distrust(name, value, formulas[key])
                    if reason:
                        result.refused[key] = reason
                    else:
                        result.values[key] = value
    return result


def patch(path: Path, package: Package, values: dict[Key, Value]) -> None:
    """Write the values into the file; a temporary file takes its place when it is whole."""
    changed = {}
    for sheet in package.sheets:
        edits: list[Edit] = []
        for cell in sheet.cells:
            value = values.get((sheet.name, cell.ref))
            if value and not cell.cached:
                edits += value_edits(sheet.xml, cell, value)
        if edits:
            changed[sheet.part] = splice(sheet.xml, edits)
    if changed:
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            package.write(temporary, changed)
            shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def address(sheet: str, ref: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", sheet)
    return f"{sheet}!{ref}" if plain else "'{}'!{}".format(sheet.replace("'", "''"), ref)


def report(name: str, package: Package, result: Computed) -> dict[str, Any]:
    """What was done, and every formula cell that has no value or shows an error."""
    uncomputed: list[dict[str, str]] = []
    errors: dict[str, list[str]] = {}
    arrays: list[str] = []
    notes = list(result.notes)
    cached = total = 0
    for sheet in package.sheets:
        for cell in sheet.cells:
            key = (sheet.name, cell.ref)
            where = address(*key)
            total += 1
            cached += cell.cached
            stored = (cell.type, cell.value) if cell.cached else ("", "")
            kind, text = result.values.get(key, stored)
            if kind == "e":
                errors.setdefault(text, []).append(where)
            elif not kind:
                reason = result.refused.get(key, "no answer")
                formula = "=" + cell.formula[:120] if cell.formula else f"({cell.kind} formula)"
                uncomputed.append({"cell": where, "formula": formula, "engine_says": reason})
            if ":" in cell.array and cell.kind == "array" and not cell.cached:
                arrays.append(address(sheet.name, cell.array))
    if uncomputed and len(result.values):
        notes.append("values that depend on uncomputed cells are to be checked")
    status = "incomplete" if uncomputed else "error values" if errors else "ok"
    return {
        "file": name,
        "status": status if total else "no formulas",
        "engine": "+".join(result.engines) or "none needed",
        "formulas": total,
        "computed": len(result.values),
        "already_cached": cached,
        "uncomputed": {"count": len(uncomputed), "cells": uncomputed[:LISTED]},
        "errors": {
            code: {"count": len(cells), "cells": cells[:LISTED]}
            for code, cells in sorted(errors.items())
        },
        "array_ranges_with_only_the_first_cell_computed": arrays[:LISTED],
        "notes": notes,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="the workbook, changed in place")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each engine (60)")
    parser.add_argument("--engine", choices=["auto", *ENGINES], default="auto")
    args = parser.parse_args(argv)
    path = Path(args.file)
    try:
        package = Package.read(path)
        result = compute(package, args.engine, args.timeout)
        patch(path, package, result.values)
    except BadWorkbook as error:
        print(f"error: {args.file} {error}", file=sys.stderr)
        return 2
    except NoEngine as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {args.file}: {error.strerror or error}", file=sys.stderr)
        return 2
    summary = report(args.file, package, result)
    print(json.dumps(summary, indent=1, ensure_ascii=False))
    return 1 if summary["uncomputed"]["count"] else 0


if __name__ == "__main__":
    sys.exit(embedded_worker() if sys.argv[1:] == ["--worker"] else main())
