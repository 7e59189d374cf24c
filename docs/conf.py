"""Sphinx: the README and the pages of docs/ as one site, with all commands and the Python API."""

import re
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from react_agent.settings import Settings, described
from trace2skill.reproduce.recipe import Loop

PROJECT = Path(__file__).resolve().parents[1]

project = "Trace2Skill toolkit"
html_title = project
project_copyright = "its authors; Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.programoutput"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "benchmarks/README.md"]
html_theme = "furo"
html_show_sphinx = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", add_fields)
    app.connect("autodoc-process-signature", shorten)


def add_fields(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Settings say of each field what `--help` says of its flag."""
    if isinstance(thing, type) and issubclass(thing, Settings):
        lines += ["", *field_lines(thing)]
    if isinstance(thing, type) and issubclass(thing, Loop):
        lines += ["", *recipe_lines(thing)]


def recipe_lines(recipe: type[Loop]) -> Iterator[str]:
    """Every key of the file, those of both kinds of recipes, too."""
    for name, field in recipe.model_fields.items():
        default = "" if field.is_required() else f" (default: ``{field.default}``)"
        yield f"- **{name}**{default}".replace(f"{PROJECT}/", "").replace("````", "``''``")


def field_lines(settings: type[Settings]) -> Iterator[str]:
    for name, kind, about, field in described(settings):
        if kind.nested:
            yield f"- **{name}**: :class:`{kind.base.__name__}`"
            continue
        text = re.sub(r"([*_`|\\])", r"\\\1", about.text)
        default = field.default.as_posix() if isinstance(field.default, Path) else field.default
        said = "" if default is MISSING else about.default_text or f"``{default!r}``"
        said = said.replace(f"{PROJECT}/", "")
        yield f"- **{name}**: {text}" + (f" (default: {said})" if said else "")


def shorten(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Fields stand in the list below; all at once in one line nobody reads."""
    is_settings = isinstance(thing, type) and issubclass(thing, Settings | BaseModel)
    return ("(**fields)", returns) if is_settings else None
