"""Keep a task out of lessons and skills: its id, its instruction, its sheets, its answers.

Analysts check an item against the answers of its case, and for *mentions*: words by which one
speaks of what the target agent never sees (gold file, ground truth, the analyst's own tools). Words
that stand in the run's log are none of these: the agent has seen them. An evolution checks an edit
against all tasks of the data set; without one, only the ids of the lessons' own runs are known.

A lesson is full of small numbers and common words that also stand in some answer cell by chance, so
a value counts only when chance is an unlikely reason for it:

- a number with at least 4 significant digits that is no year (1234.5, 48210; not 100, 2024, 0.5);
- three different numbers of at least two digits, all of them answers, in one item;
- a date written out, with numbers, in words, or as a call of Python or a formula;
- a text of two words or more with at least 10 characters, or one that mixes letters and digits;
- a single word of 5 letters or more, only in quotes and only when no spreadsheet speaks it anyway.

Values that the task's instruction names itself are no secret and never count.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from analysis.lessons.records import LessonItem
from react_agent.registry import DOMAINS, find
from react_agent.seams import Task

SHINGLE = 8
"""So many words in a row of a task's instruction are no coincidence."""
MIN_STRING = 12
"""Shorter cell texts and sheet names are words of the trade, where nobody knows their task."""
SIGNIFICANT_DIGITS = 4
CLUSTER = 3
LONG_TEXT, CODE_TEXT, QUOTED_WORD = 10, 4, 5

_MENTIONS = {
    "gold": r"\bgold(?:en)?\b(?:[ _-]?(?:file|workbook|standard|answer|output|\.xlsx))?",
    "ground truth": r"\bground[ _-]?truths?\b",
    "expected answers": r"\bexpected[ _-](?:answers?|outputs?|results?|values?|cells?|workbook)\b",
    "reference answers": r"\breference[ _-](?:answers?|outputs?|solutions?|workbooks?|values?)\b",
    "answer key": r"\banswer[ _-]?keys?\b|\bcorrect answers?\b|\bsolution file\b",
    "the checker": r"\b(?:evaluator|grader|scorer|checker)\b|\bevaluat(?:e|ion)_output\b",
    "the analyst's files": r"\boutput_fixed\b|\bagent_(?:work|log|skill)\b|\bfix\.py\b",
}
_COMPILED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _MENTIONS.items()}

_WORD = re.compile(r"\w+(?:[-_]\w+)*")
_UNIT = r"(?=[A-Za-z%€£]{1,4}\b)"
_NUMBER = re.compile(rf"(?<![\w.,])[-+]?\$?\d[\d,_]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?:(?!\w)|{_UNIT})")
_CONTINENTAL = re.compile(
    rf"(?<![\w.,])[-+]?\d{{1,3}}(?:[. '\xa0\u202f]\d{{3}})+(?:,\d+)?(?:(?!\w)|{_UNIT})"
)
"""Thousands by points, blanks or apostrophes, and a comma before the fraction."""
_DATES = re.compile(
    r"\b(\d{4})[-/](\d{1,2})[-/](\d{1,2})\b|\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})\b"
    r"|\bdate(?:time)?\(\s*(\d{4}),\s*(\d{1,2}),\s*(\d{1,2})\b",
    re.IGNORECASE,
)
_MONTHS = {
    name.casefold(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
}
_MONTH = rf"({'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_IN_WORDS = re.compile(
    rf"\b(?:{_DAY}[ -](?:of )?{_MONTH}|{_MONTH}[ -]{_DAY}),?[ -](\d{{4}})\b", re.IGNORECASE
)
_QUOTED = re.compile(r"[`\"“‘']([^`\"“”‘’'\n]{3,80})[`\"”’']")

_EVERYDAY = frozenset(
    re.findall(
        r"\w+",
        "amount average blank category cells column count customer daily false total value values "
        "datetime description employee empty error formula header index invoice label lookup match "
        "month monthly name names none null number order other percent price product quantity "
        "range region remark result sales sheet sheet1 status string subtotal table title totals "
        "units valid weekly yearly",
    )
)


@dataclass
class LeakScan:
    """What must not be given away, and what each piece is."""

    ids: set[str] = field(default_factory=set)
    shingles: dict[str, str] = field(default_factory=dict)
    """By so many words in a row, the task whose instruction has them."""
    strings: dict[str, str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    """They count only in quotes."""
    numbers: set[float] = field(default_factory=set)
    dates: set[date] = field(default_factory=set)
    mentions: bool = False
    """Words that speak of the gold count too."""
    allowed: str = field(default="", repr=False)
    """What is no secret: the skill as it was, the log of the run."""

    @classmethod
    def of_case(
        cls, values: Iterable[object] = (), instruction: str = "", seen: str = ""
    ) -> "LeakScan":
        """For the items of one case: the cell values of its answer range, and what its run saw."""
        scan = cls(mentions=True, allowed=_flat(f"{instruction}\n{seen}"))
        texts = set()
        for value in values:
            if isinstance(value, bool) or value is None:
                continue
            if isinstance(value, int | float):
                scan.numbers.add(_rounded(float(value)))
            elif isinstance(value, datetime | date):
                scan.dates.add(value.date() if isinstance(value, datetime) else value)
            elif isinstance(value, str) and value.strip():
                texts.add(_flat(value))
                scan.numbers |= set(_numbers(value)) if _is_number(value) else set()
        scan.numbers -= set(_numbers(instruction))
        scan.dates -= set(_dates(instruction))
        for text in (text for text in texts if text not in _flat(instruction)):
            if _is_phrase(text) or _is_code(text):
                scan.strings[text] = f'the text "{text}"'
            elif len(text) >= QUOTED_WORD and text not in _EVERYDAY:
                scan.words.add(text)
        return scan

    def find(self, text: str) -> list[str]:
        """What the text gives away, each as a phrase; empty when nothing."""
        flat = _flat(text)
        flat += f"\n{re.sub(r'[*`]', '', flat)}"  # marks of Markdown hide nothing
        found = [*self._mentions(text), *self._tasks(text), *self._numbers(text)]
        found += [f"the date {day.isoformat()}" for day in _dates(text) if day in self.dates]
        given = {
            what
            for string, what in self.strings.items()
            if string in flat and re.search(rf"(?<!\w){re.escape(string)}(?!\w)", flat)
        }
        quoted = {_flat(match) for match in _QUOTED.findall(text)}
        given |= {f'the text "{word}"' for word in self.words & quoted}
        return list(dict.fromkeys([*found, *sorted(given)]))

    def _mentions(self, text: str) -> list[str]:
        """A task about the price of gold may say "gold", a sheet have a column of that name."""
        if not self.mentions:
            return []
        first = [match for pattern in _COMPILED.values() for match in self._new(pattern, text)[:1]]
        return [f'the words "{words}"' for words in first]

    def _new(self, pattern: re.Pattern[str], text: str) -> list[str]:
        return [m[0] for m in pattern.finditer(text) if _flat(m[0]) not in self.allowed]

    def _tasks(self, text: str) -> list[str]:
        words = [w.casefold() for w in _WORD.findall(text)]
        rows = (" ".join(words[start : start + SHINGLE]) for start in range(len(words)))
        found = [f"the task id {word}" for word in words if word in self.ids]
        return found + [f"the instruction of task {t}" for r in rows if (t := self.shingles.get(r))]

    def _numbers(self, text: str) -> list[str]:
        given = [(n, shown) for n, shown in _numbers_shown(text) if n in self.numbers]
        telling = [shown for n, shown in given if _is_telling(n, shown)]
        several = {n: shown for n, shown in given if abs(n) >= 10 and not _is_year(n)}
        if not telling and len(several) >= CLUSTER:
            telling = list(several.values())
        return [f"the number {shown}" for shown in telling]


def split_leaking(
    items: Sequence[LessonItem], scan: LeakScan
) -> tuple[list[LessonItem], list[tuple[LessonItem, list[str]]]]:
    """Items that may be kept, and those that may not with what they give away."""
    judged = [(item, scan.find(item.text)) for item in items]
    return [i for i, why in judged if not why], [(i, why) for i, why in judged if why]


def scan_tasks(
    run_ids: Iterable[str],
    data_path: Path | None,
    skill_text: str,
    domain_name: str = "spreadsheetbench",
) -> LeakScan:
    """For the edits of an evolution: all tasks of the data set, but for what the skill says."""
    scan = LeakScan(allowed=_flat(skill_text))
    domain = find(DOMAINS, "domain", domain_name)(data_path) if data_path else None
    tasks: Sequence[Task] = domain.tasks if domain else ()
    scan.ids = {i.casefold() for i in [*run_ids, *(t.id for t in tasks)] if _distinctive(i)}
    scan.ids -= {w.casefold() for w in _WORD.findall(skill_text)}
    for task in tasks:
        words = [w.casefold() for w in _WORD.findall(task.instruction)]
        for start in range(len(words) - SHINGLE + 1):
            scan.shingles.setdefault(" ".join(words[start : start + SHINGLE]), task.id)
        strings = domain.telltales(task.id) if domain else {}
        scan.strings |= {
            text: f"{what} of task {task.id}"
            for text, what in strings.items()
            if _singular(text) and text not in scan.allowed
        }
    return scan


def _distinctive(name: str) -> bool:
    """Whether an id cannot be an ordinary number or word of a spreadsheet text."""
    digits = sum(c.isdigit() for c in name)
    return digits >= 4 or (digits >= 2 and bool(re.search(r"\w[-_]\w", name)))


def _singular(text: str) -> bool:
    """Two plain words ("desired result") could stand in any lesson."""
    telling = len(text.split()) >= 4 or any(c.isdigit() for c in text)
    return len(text) >= MIN_STRING and telling and not text.isdigit()


def _is_phrase(text: str) -> bool:
    words = text.split()
    return len(words) > 1 and len(text) >= LONG_TEXT and not set(words) <= _EVERYDAY


def _is_code(text: str) -> bool:
    """Such as `inv-2041`; a cell address or a function name is none."""
    if len(text) < CODE_TEXT or re.fullmatch(r"\$?[a-z]{1,3}\$?\d+", text):
        return False
    return bool(re.search(r"[a-z]", text) and re.search(r"\d\D*\d", text))


def _is_telling(number: float, shown: str) -> bool:
    if _is_year(number):
        return False
    digits = re.sub(r"[eE].*", "", shown).replace(",", "").lstrip("+-$0")
    whole = "." not in digits
    digits = digits.rstrip("0") if whole else digits.replace(".", "").lstrip("0")
    return len(digits) >= SIGNIFICANT_DIGITS


def _is_year(number: float) -> bool:
    return number == int(number) and 1900 <= number <= 2100


def _numbers(text: str) -> list[float]:
    return [number for number, _ in _numbers_shown(text)]


def _numbers_shown(text: str) -> list[tuple[float, str]]:
    without_dates = _DATES.sub(" ", text)
    found = []
    for match in _NUMBER.finditer(without_dates + _from_continental(without_dates)):
        shown = match[0].rstrip(",_").replace("_", "")
        try:
            number = float(shown.replace(",", "").replace("$", ""))
        except ValueError:
            continue
        if abs(number) < 1e300:
            found.append((_rounded(number), shown))
    return found


def _from_continental(text: str) -> str:
    """The numbers of that form once more, as Python writes them."""
    plain = (
        re.sub(r"[. '\xa0\u202f]", "", m[0]).replace(",", ".") for m in _CONTINENTAL.finditer(text)
    )
    return "".join(f" {number}" for number in plain)


def _dates(text: str) -> list[date]:
    """Day and month written with numbers may stand either way round."""
    written: list[tuple[str | int, ...]] = []
    for year, month, day, first, second, last, *called in _DATES.findall(text):
        whole = f"20{last}" if len(last) == 2 else last
        written += [(year, month, day), (whole, second, first), (whole, first, second), (*called,)]
    for day, month, other_month, other_day, year in _IN_WORDS.findall(text):
        written.append((year, _MONTHS[(month or other_month).casefold()], day or other_day))
    found = []
    for parts in written:
        try:
            found.append(date(*(int(part) for part in parts)))
        except ValueError:
            continue
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _rounded(number: float) -> float:
    """The scorer compares numbers to two decimals, so a lesson gives one away at two decimals; a
    sign more or less hides nothing."""
    return round(abs(number), 2) if abs(number) < 1e15 else abs(number)


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
