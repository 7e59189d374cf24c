"""The seam for skills on disk; what there is by name stands in registry.SKILL_FORMATS."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from react_agent.skills import Skill


@dataclass(frozen=True)
class Problem:
    """A rule that a skill breaks."""

    rule: str
    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


class SkillFormat(Protocol):
    """How a skill lies in its folder, and by which rules."""

    def read(self, folder: Path) -> Skill:
        """The skill that `folder` is or holds. Raises ContractError when there is none."""

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        """Make these the folder's text files, in one step; others stay."""

    def check(self, skill: Skill, max_lines: int, *, on_disk: bool = False) -> list[Problem]:
        """Every rule that the skill breaks, be it in memory only or as it lies in its folder."""
