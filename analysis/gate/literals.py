"""Does a fix carry the answers instead of working them out? Read from its literals.

A script that hard-codes the result needs one literal for every cell; one that computes it needs at
most one for every kind of value. So occurrences are counted against cells: "Yes" written once does
not explain ten cells that say "Yes".
"""

import ast
import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from spreadsheetbench.book.cells import CellValue, canonical
from spreadsheetbench.book.rules import RELEASED

SHARE = 0.5
"""When more than this share of the cells stand in the script as literals, it carries the answers.
Half is far from both sides: scripts that compute hold next to none, copies hold nearly all."""
SMALL = 10
"""Whole numbers up to this stand in every script and are evidence only where there is no other."""
ENOUGH_SMALL = 5


@dataclass(frozen=True)
class Literals:
    """How many of the cells that the task fills stand in the script."""

    cells: int
    found: int
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.found / self.cells if self.cells else 0.0

    @property
    def carries_answers(self) -> bool:
        return self.share > SHARE


def find_literals(source: str, answers: Sequence[object], instruction: str) -> Literals:
    """A script that cannot be parsed is searched as text."""
    named = instruction.lower()
    telling = [a for a in answers if not _is_small(a) and str(a).lower() not in named]
    if not telling:
        telling = [a for a in answers if str(a).lower() not in named]
        if len(telling) < ENOUGH_SMALL:
            return Literals(0, 0)
    wanted = Counter(_key(answer) for answer in telling)
    there = _literals(source)
    found = {key: min(count, there[key]) for key, count in wanted.items() if there[key]}
    return Literals(
        len(telling), sum(found.values()), tuple(key for key, _ in list(found.items())[:5])
    )


def _literals(source: str) -> Counter[str]:
    """Numbers and texts of the script, and those within its texts, such as rows of a table."""
    counts: Counter[str] = Counter()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Counter(_within(source))
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
            counts[_key(node.value)] += 1
            if isinstance(node.value, str):
                counts.update(_within(node.value))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = node.operand.value if isinstance(node.operand, ast.Constant) else None
            if isinstance(value, int | float):
                counts[_key(-value)] += 1
        elif isinstance(node, ast.Call):
            counts.update(_dates(node))
    return counts


def _dates(call: ast.Call) -> list[str]:
    """`datetime(2024, 5, 17)` as the number that a cell with this date counts as."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = name or (call.func.id if isinstance(call.func, ast.Name) else "")
    parts = [a.value for a in call.args if isinstance(a, ast.Constant)]
    numbers = [p for p in parts if isinstance(p, int)]
    if name not in ("datetime", "date") or len(numbers) < 3:
        return []
    year, month, day, *time = numbers[:6]
    hour, minute, second = [*time, 0, 0, 0][:3]
    try:
        return [_key(datetime.datetime(year, month, day, hour, minute, second))]
    except (ValueError, OverflowError):
        return []


def _within(text: str) -> list[str]:
    """The parts of a text that is more than one value."""
    parts = re.split(r"[,;|\t\n\"'\[\]{}]+", text)
    return [_key(part.strip()) for part in parts if part.strip()] if len(parts) > 1 else []


def _key(value: object) -> str:
    try:
        kind, shown = canonical(cast(CellValue, value), RELEASED)
    except OverflowError:
        return str(value)
    return f"{kind} {shown}"


def _is_small(value: object) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return value == int(value) and abs(value) <= SMALL if value == value else True
    return isinstance(value, str) and len(value.strip()) < 3
