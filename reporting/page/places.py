"""Paths on the page: seen from where runs and page lie, so that it says nothing of this machine."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from react_agent.bundled import ROOT
from reporting.page.html import to_json


class Places:
    """What is taken off the paths in a JSON text, also inside of other words."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """`paths`: of runs, page and skill; what they have in common is where all begins."""
        common = Path(os.path.commonpath([path.absolute() for path in paths]))
        known = {Path.home(): "~", ROOT: "toolkit", Path.cwd(): "", common: ""}
        self._signs = {to_json(str(p))[1:-1]: sign for p, sign in known.items() if p.parts[1:]}
        places = "|".join(map(re.escape, sorted(self._signs, key=len, reverse=True)))
        # A name goes on with what is behind: `/data/run2` does not lie in `/data/run`.
        self._found = re.compile(rf"(?<![\w.~-])({places or '$^'})(/|(?![\w-]|\.\w))")

    def hidden(self, text: str) -> str:
        return self._found.sub(self._sign, text)

    def _sign(self, found: re.Match[str]) -> str:
        sign, inside = self._signs[found[1]], found[2]
        return f"{sign}/" if sign and inside else sign or ("" if inside else ".")
