"""What the commands on an evolved skill are told. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from react_agent.settings import Settings, setting

SKILL = "the skill folder, a root that holds it, or a reproduction"
RELEASED_SKILLS = "released_skills"
PROVENANCE = "its provenance.json, if it was moved"


@dataclass(frozen=True, kw_only=True)
class LessonList(Settings):
    skill: Path = setting(SKILL, positional=True)
    provenance: Path | None = setting(PROVENANCE, None)
    as_json: bool = setting("print them as JSON", False, flag="json")


@dataclass(frozen=True, kw_only=True)
class Blame(Settings):
    place: str = setting(
        "FILE:LINE, FILE:FIRST-LAST, or FILE for all its lines; a folder is its SKILL.md",
        positional=True,
    )
    provenance: Path | None = setting(PROVENANCE, None)


@dataclass(frozen=True, kw_only=True)
class Revert(Settings):
    skill: Path = setting(SKILL, positional=True)
    lessons: tuple[str, ...] = setting("as `lessons` lists them", positional=True, unit="LESSON_ID")
    provenance: Path | None = setting(PROVENANCE, None)


@dataclass(frozen=True, kw_only=True)
class Rollback(Settings):
    skill: Path = setting(SKILL, positional=True)
    to: str | None = setting("name of a backup", None, unit="BACKUP")
    only_list: bool = setting("only list the backups", False, flag="list")


@dataclass(frozen=True, kw_only=True)
class ReleasedSkills(Settings):
    hyphens: ClassVar[bool] = True

    into: Path = setting("where the folders go", Path(RELEASED_SKILLS))
    revision: str | None = setting("commit or branch; else the pinned one, main", None)
    source: str | None = setting(
        "a .tar.gz of the repository, in place of its public home",
        None,
        flag="from",
        unit="URL_OR_FILE",
    )
    accept_licences: bool = setting("I have read and accept them", False)
    accept_new: bool = setting("hashes may differ from the lock", False)
