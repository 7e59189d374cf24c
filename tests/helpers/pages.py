"""The Python examples of the docs, as a test runs them."""

import ast
import inspect
import re
from types import CodeType
from typing import Any

from project import ROOT

DOCS = ROOT / "docs"


def cells(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def compiled(cell: str) -> CodeType:
    return compile(cell, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def run_cell(cell: str, names: dict[str, Any]) -> None:
    """As a notebook does."""
    value = eval(compiled(cell), names)
    if inspect.isawaitable(value):
        await value
