"""Texts by which a task of the data set would be known again: sheet names and answers."""

import logging
import re
import zipfile
from pathlib import Path
from xml.sax.saxutils import unescape

from react_agent.errors import ContractError
from spreadsheetbench.tasks.dataset import Dataset, Task, gold_files, input_files

log = logging.getLogger(__name__)
MAX_PART = 20_000_000
# None looks beyond the next bracket: in a hostile file there may be millions.
_CELL_TEXT = re.compile(r"<t(?:\s[^<>]*)?>([^<]+)</t>")
_SHEET_NAME = re.compile(r"<sheet\s[^<>]*?name=\"([^\"<]+)\"")


def telltales(dataset: Dataset, task: Task) -> dict[str, str]:
    """Sheet names, and texts of the gold workbook that its input does not have."""
    try:
        folder = dataset.folder(task)
    except ContractError:
        return {}  # a record without workbooks still has its instruction
    found: dict[str, str] = {}
    inputs: set[str] = set()
    for path in input_files(folder):
        names, texts = _read(path)
        inputs |= texts
        found |= dict.fromkeys(names, "a sheet name")
    for path in gold_files(folder):
        found |= dict.fromkeys(_read(path)[1] - inputs, "an answer")
    return found


def _read(path: Path) -> tuple[set[str], set[str]]:
    """Sheet names and cell texts, straight from the package: far quicker than a workbook model."""
    try:
        with zipfile.ZipFile(path) as package:
            parts = {}
            for part in ("xl/workbook.xml", "xl/sharedStrings.xml"):
                if part in package.namelist() and package.getinfo(part).file_size <= MAX_PART:
                    parts[part] = package.read(part).decode("utf-8", "replace")
    except Exception as error:  # each damage of an archive, and each compression, has its own
        log.warning("%s: not scanned for leaks: %s", path, error)
        return set(), set()
    names = _SHEET_NAME.findall(parts.get("xl/workbook.xml", ""))
    texts = _CELL_TEXT.findall(parts.get("xl/sharedStrings.xml", ""))
    return {_plain(name) for name in names}, {_plain(text) for text in texts}


def _plain(text: str) -> str:
    unescaped = unescape(text, {"&quot;": '"'})
    return " ".join(unescaped.casefold().split())
