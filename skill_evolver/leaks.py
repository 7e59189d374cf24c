"""Does a lesson give a task away? Its words against ids, instructions, sheets and answers.

Without a data set only the ids of the lessons' own runs are known.
"""

import logging
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import unescape

from react_agent.errors import ContractError
from spreadsheetbench.dataset import Dataset, gold_files, input_files

log = logging.getLogger(__name__)
SHINGLE = 8
"""So many words in a row of a task's instruction are no coincidence."""
MIN_STRING = 12
"""Shorter cell texts and sheet names are words of the trade."""
MAX_PART = 20_000_000
_WORD = re.compile(r"\w+(?:[-_]\w+)*")
# None looks beyond the next bracket: in a hostile file there may be millions.
_CELL_TEXT = re.compile(r"<t(?:\s[^<>]*)?>([^<]+)</t>")
_SHEET_NAME = re.compile(r"<sheet\s[^<>]*?name=\"([^\"<]+)\"")


@dataclass
class LeakScan:
    """What must not appear in a skill, and where each piece comes from."""

    ids: set[str] = field(default_factory=set)
    shingles: dict[str, str] = field(default_factory=dict)
    strings: dict[str, str] = field(default_factory=dict)
    allowed: str = ""
    """The skill as it was: what stood there before is no leak of this evolution."""

    def find(self, text: str) -> str:
        """What the text gives away, in words; empty when nothing."""
        words = [w.casefold() for w in _WORD.findall(text)]
        for word in dict.fromkeys(words):
            if word in self.ids:
                return f"names the task {word}"
        for start in range(len(words) - SHINGLE + 1):
            task = self.shingles.get(" ".join(words[start : start + SHINGLE]))
            if task:
                return f"repeats the instruction of task {task}"
        flat = " ".join(text.casefold().split())
        for string, where in self.strings.items():
            if string in flat and string not in self.allowed:
                return f"holds {where}"
        return ""


def build_scan(run_ids: Iterable[str], data_path: Path | None, skill_text: str) -> LeakScan:
    scan = LeakScan(allowed=" ".join(skill_text.casefold().split()))
    dataset = Dataset.load(data_path) if data_path else None
    tasks = dataset.tasks if dataset else ()
    scan.ids = {i.casefold() for i in [*run_ids, *(t.id for t in tasks)] if _distinctive(i)}
    scan.ids -= {w.casefold() for w in _WORD.findall(skill_text)}
    for task in tasks:
        words = [w.casefold() for w in _WORD.findall(task.instruction)]
        for start in range(len(words) - SHINGLE + 1):
            scan.shingles.setdefault(" ".join(words[start : start + SHINGLE]), task.id)
        assert dataset is not None
        try:
            folder = dataset.folder(task)
        except ContractError:
            continue  # a record without workbooks still has its instruction
        scan.strings.update(_workbook_strings(task.id, folder))
    return scan


def _distinctive(name: str) -> bool:
    """Whether an id cannot be an ordinary number or word of a spreadsheet text."""
    digits = sum(c.isdigit() for c in name)
    return digits >= 4 or (digits >= 2 and bool(re.search(r"\w[-_]\w", name)))


def _workbook_strings(task: str, folder: Path) -> dict[str, str]:
    """Long sheet names, and texts of the gold workbook that its input does not have."""
    found: dict[str, str] = {}
    inputs: set[str] = set()
    for path in input_files(folder):
        names, texts = _read(path)
        inputs |= texts
        for name in names:
            found[name] = f"a sheet name of task {task}"
    for path in gold_files(folder):
        for text in _read(path)[1] - inputs:
            found[text] = f"an answer of task {task}"
    return {k: v for k, v in found.items() if _telling(k)}


def _telling(text: str) -> bool:
    """Two plain words ("desired result") could stand in any lesson."""
    singular = len(text.split()) >= 4 or any(c.isdigit() for c in text)
    return len(text) >= MIN_STRING and singular and not text.isdigit()


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
    return {_flat(n) for n in names}, {_flat(t) for t in texts}


def _flat(text: str) -> str:
    return " ".join(unescape(text, {"&quot;": '"'}).casefold().split())
