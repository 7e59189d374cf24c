"""The built-in harness: a ReAct agent with bash in the case's folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from react_agent.harnesses.equipment import Equipment
from react_agent.loop.agent import ReActAgent, Tool
from react_agent.model import Message, briefing
from react_agent.seams import Trajectory, Workspace
from react_agent.text import MAX_OBSERVATION

SKILL_OBSERVATION = 30_000
"""Characters shown of a command that reads the skill's folder: a reference cut in its middle
would lose the guidance that it was opened for."""


@dataclass(frozen=True)
class ReActKind:
    """One of its agents: `--agent` value, the name in logs, the system prompt, skill or none."""

    flag: str
    name: str
    system: str
    with_skill: bool
    with_model: bool = True
    protocol: str = ""
    preloads: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    def open(self, equipment: Equipment) -> "ReActHarness":
        return ReActHarness(self, equipment)


class ReActHarness:
    def __init__(self, kind: ReActKind, equipment: Equipment) -> None:
        self.kind, self.equipment = kind, equipment
        self.prompts, self.skill = equipment.prompts, equipment.skill
        self.skill_folder = equipment.skill_folder

    @property
    def name(self) -> str:
        return self.kind.name

    async def run(self, workspace: Workspace) -> Trajectory:
        given = self.equipment
        visible = [self.skill_folder] if self.skill_folder else []
        case = given.sandbox.case(workspace.folder, read_only=visible, hide=given.hide)
        async with case as shell:

            async def bash(command: str) -> str:
                reads_skill = self.skill_folder and str(self.skill_folder) in command
                most = SKILL_OBSERVATION if reads_skill else MAX_OBSERVATION
                return await shell.observe(command, most)

            def unfinished() -> str:
                missing = workspace.missing()
                return self.prompts.render("missing_output.j2", missing=missing) if missing else ""

            agent = ReActAgent(
                given.model,
                [Tool("bash", ("command",), bash, limit=None)],
                max_turns=given.max_turns,
                unfinished=unfinished,
                seconds=given.seconds,
                prompts=self.prompts,
            )
            return await agent.run(self.opening(workspace))

    def opening(self, workspace: Workspace) -> list[Message]:
        """The system prompt, the same for all cases of a run, and the task."""
        skill = self.skill
        system = self.prompts.render(
            self.kind.system,
            tool_timeout=round(self.equipment.sandbox.limits.seconds),
            skill_name=skill.name if skill else "",
            skill_body=skill.body if skill else "",
            skill_folder=self.skill_folder,
        )
        return briefing(system, self.equipment.task(workspace), workspace.images)
