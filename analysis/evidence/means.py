"""What an agent had in its run: the skill, and the programs of its shell.

The skill is taken from the agent's own instructions in the log, where it stands as the agent read
it; a log of the paper's released code has it there too. run.json knows the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.lessons.selection import Subject
from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import LOGS, OUTPUTS, RUN_SETTINGS, seed_of
from react_agent.runs.logs import Log
from react_agent.skills import find_skill
from react_agent.text import cut_end, cut_middle

SKILL_CHARACTERS = 60_000
"""Of a skill in a prompt: twice the 500 lines that a good SKILL.md may have."""
PACKAGES_CHARACTERS = 600
_SKILL = re.compile(r"^-{4,} skill starts -{4,}\n(.*)\n-{4,} skill ends -{4,}$", re.M | re.S)
_NAME = re.compile(r"^# Skill: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Means:
    """As far as it is known; empty is what nobody recorded."""

    skill: str = ""
    """Its whole text as the agent read it."""
    skill_name: str = ""
    apart: bool = True
    """False where the skill cannot be told from the instructions that it stands in."""
    packages: str = ""
    """Of the shell's Python, with versions."""
    office: str = ""
    """Version of LibreOffice, or `none`."""

    @property
    def skill_shown(self) -> str:
        return cut_middle(self.skill, SKILL_CHARACTERS)

    @property
    def skill_cut(self) -> bool:
        return len(self.skill) > SKILL_CHARACTERS


def means_of(subject: Subject, skills: Path | None = None) -> Means:
    """`skills` is a folder in which a skill may lie that the log does not show."""
    settings = run_settings(subject.path)
    noted = _mapping(settings.get("skill"))
    skill, name, apart = _in_log(subject.log)
    if not skill and noted and skills:
        skill, name = _by_digest(skills, str(noted.get("name")), str(noted.get("digest")))
    if not skill and "skill" in subject.name.agent:
        skill, apart = _instructions(subject.log), False
    name = name or str(noted.get("name") or "")
    return Means(skill, name, apart, _packages(settings), str(settings.get("libreoffice") or ""))


def run_settings(log: Path) -> Mapping[str, Any]:
    """What run.json says of the run that a log is of; nothing where none lies as runs lay it."""
    logs = log.resolve().parent
    seed = logs.name if seed_of(logs) else ""
    logs = logs.parent if seed else logs
    outputs = logs.parent / f"{logs.name.removesuffix(LOGS)}{OUTPUTS}"
    for folder in (outputs / seed, outputs, logs.parent / seed, logs.parent):
        try:
            return _mapping(_mapping(read_json(folder / RUN_SETTINGS)).get("settings"))
        except ContractError:  # no file, or one that is no run's
            continue
    return {}


def _in_log(log: Log) -> tuple[str, str, bool]:
    instructions = _instructions(log)
    found = _SKILL.search(instructions)
    if not found:
        return "", "", True
    name = _NAME.search(instructions[: found.start()])
    return found[1].strip(), name[1].strip() if name else "", True


def _instructions(log: Log) -> str:
    return "\n\n".join(m.text for m in log.messages if m.role == "system")


def _by_digest(skills: Path, name: str, digest: str) -> tuple[str, str]:
    """A skill that is still as it was in the run."""
    try:
        found = find_skill(skills, name)
    except ContractError:
        return "", ""
    return (found.body, name) if found.digest == digest else ("", "")


def _packages(settings: Mapping[str, Any]) -> str:
    noted = [_mapping(settings.get(key)).get("packages") for key in ("agent_python", "environment")]
    packages = next((some for some in noted if some), ())
    if isinstance(packages, Mapping):
        packages = [f"{name} {version}" for name, version in packages.items()]
    listed = ", ".join(map(str, packages)) if isinstance(packages, list) else ""
    return cut_end(listed, PACKAGES_CHARACTERS)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
