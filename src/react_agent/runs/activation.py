"""Activation: which files of its skill an agent opened, and when, as far as its commands show.

A skill that is preloaded stands in the prompt with its SKILL.md; its references and scripts are
read only where a command names them. Listing a folder opens nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath

from react_agent.runs.conduct import commands
from react_agent.runs.logs import Log
from react_agent.skills import MAIN

_WORD = re.compile(r"[\w./@+*?\[\]-]+")
_WILD = set("*?[")


@dataclass(frozen=True)
class Opening:
    """The first command of a trajectory that opens a file of the skill."""

    file: str
    """Its path in the skill's folder."""
    step: int
    """Which reply of the agent's, counted from 1."""


def openings(log: Log, skill: str, files: Iterable[str]) -> tuple[Opening, ...]:
    """In the order of the commands; `skill` is the name of its folder."""
    left, found = list(files), []
    for step, command in enumerate(commands(log), start=1):
        seen = [file for file in left if _opens(command, skill, file)]
        left = [file for file in left if file not in seen]
        found += [Opening(file, step) for file in seen]
    return tuple(found)


def skills_opened(log: Log) -> tuple[Opening, ...]:
    """Of a session, whose skills nobody has listed: what it opened below each of them."""
    names, said = log.result.get("skills"), "\n".join(commands(log))
    found: list[Opening] = []
    for skill in map(str, names if isinstance(names, list) else ()):
        own = skill.rpartition(":")[2]
        below = re.findall(rf"(?<![\w.-]){re.escape(own)}/((?:[\w-]+/)*[\w-]+\.\w+)", said)
        seen = {one.file: one for one in openings(log, own, dict.fromkeys([MAIN, *below]))}
        if MAIN not in seen and (calls := _called(log, skill)):
            seen[MAIN] = Opening(MAIN, calls)
        found += [Opening(f"{skill}/{file}", one.step) for file, one in seen.items()]
    return tuple(sorted(found, key=lambda one: one.step))


def _called(log: Log, skill: str) -> int:
    """The reply that opened a skill by the client's own tool, else 0."""
    steps = enumerate(commands(log), start=1)
    return next((step for step, said in steps if skill in said.splitlines()), 0)


def _opens(command: str, skill: str, file: str) -> bool:
    if file == MAIN and command.strip() == skill:  # a client's own tool, called with its name
        return True
    path = PurePosixPath(file)
    whole = file if path.parent.name else f"{skill}/{file}"
    if _named(command, whole):
        return True
    folder = path.parent.as_posix() if path.parent.name else skill
    if re.search(rf"\bcd\s+\S*{re.escape(folder)}(?![\w-])", command) and _named(
        command, path.name
    ):
        return True
    tails = (word.split(f"/{skill}/")[-1].lstrip("./") for word in _patterns(command))
    return any(x.count("/") == file.count("/") and fnmatchcase(file, x) for x in tails)


@lru_cache(maxsize=1)  # a command is looked at once for each file
def _patterns(command: str) -> list[str]:
    """Words first: a pattern that looks for its own end is cubic in a pasted file."""
    return [word for word in _WORD.findall(command) if "/" in word and _WILD & set(word)]


def _named(command: str, path: str) -> bool:
    """As a whole path, or behind a folder."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-]|\.\w)", command))
