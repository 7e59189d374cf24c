"""Lets a clone that is not installed import the package `react_agent`, which lies in src/."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent / "src" / "react_agent")]
if __spec__ is not None:  # templates are looked for beside what it names
    __spec__.submodule_search_locations = __path__
