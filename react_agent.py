"""Lets a clone that is not installed import the package `react_agent`, which lies in src/."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an installed one has been refused by pip
    raise SystemExit(f"error: Python 3.11 or newer is needed; this is {sys.version.split()[0]}")

__path__ = [str(Path(__file__).resolve().parent / "src" / "react_agent")]
if __spec__ is not None:  # templates are looked for beside what it names
    __spec__.submodule_search_locations = __path__
