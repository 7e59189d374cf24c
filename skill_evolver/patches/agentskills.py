"""Skills as the agentskills specification has them: SKILL.md, references and scripts."""

from collections.abc import Mapping
from pathlib import Path

from react_agent.skill_format import Problem
from react_agent.skills import Skill, find_skill, write_skill
from skill_evolver.patches.rules import check, check_folder

OWN_FIELDS = "Unexpected fields in frontmatter"
"""The specification's validator, of a field that only some client knows."""


class AgentSkills:
    """A SkillFormat."""

    def read(self, folder: Path) -> Skill:
        return find_skill(folder)

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        write_skill(folder, files)

    def check(self, skill: Skill, max_lines: int, *, on_disk: bool = False) -> list[Problem]:
        if on_disk:
            return check_folder(skill, max_lines)
        return check(skill.files, other_files=skill.other_files, max_skill_lines=max_lines)


class ClientSkills(AgentSkills):
    """As clients have them: their own fields in the frontmatter, `resources/` beside
    `references/`. What is there is read; new text goes to references."""

    def check(self, skill: Skill, max_lines: int, *, on_disk: bool = False) -> list[Problem]:
        found = super().check(skill, max_lines, on_disk=on_disk)
        return [problem for problem in found if OWN_FIELDS not in problem.message]
