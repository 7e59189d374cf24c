"""The spreadsheet agents: one ReAct loop, and a table of what sets the agents apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from react_agent.files import digest
from react_agent.loop.agent import MAX_OBSERVATION, ReActAgent, Tool
from react_agent.loop.replies import Action
from react_agent.model import Message, Model
from react_agent.sandbox.door import Sandbox
from react_agent.seams import Trajectory, Workspace
from react_agent.skills import Skill
from react_agent.templates import Prompts

PROMPTS = Prompts("spreadsheet_agent")
SKILL_OBSERVATION = 30_000
"""Characters shown of a command that reads the skill's folder: a reference cut in its middle
would lose the guidance that it was opened for."""


@dataclass(frozen=True)
class AgentKind:
    """A row of the table: `--agent` value, the name in logs, the system prompt, skill or none."""

    flag: str
    name: str
    system: str
    with_skill: bool


AGENTS = {
    kind.flag: kind
    for kind in (
        AgentKind("cli_only", "cli_only_agent", "system_cli_only.j2", False),
        AgentKind(
            "cli_skill_preloaded",
            "cli_skill_preloaded_agent",
            "system_cli_skill_preloaded.j2",
            True,
        ),
    )
}


def prompts_digest() -> str:
    """Changes whenever a prompt of the agents changes; part of a run's settings."""
    texts = {**PROMPTS.sources(), **Prompts("react_agent").sources()}
    return digest(*(part for item in sorted(texts.items()) for part in item))


class SpreadsheetAgent:
    """The built-in harness: a ReAct agent with bash in the case's folder."""

    def __init__(
        self,
        kind: AgentKind,
        model: Model,
        sandbox: Sandbox,
        *,
        skill: Skill | None,
        max_turns: int,
        seconds: float | None = None,
        hide: Sequence[Path] = (),
    ) -> None:
        self.kind, self.model, self.sandbox, self.skill = kind, model, sandbox, skill
        self.skill_folder = skill.root.resolve() if skill else None
        self.max_turns, self.seconds, self.hide = max_turns, seconds, tuple(hide)

    @property
    def name(self) -> str:
        return self.kind.name

    async def run(self, workspace: Workspace) -> Trajectory:
        visible = [self.skill_folder] if self.skill_folder else []
        async with self.sandbox.case(workspace.folder, read_only=visible, hide=self.hide) as shell:

            async def bash(command: str) -> str:
                return (await shell.run(command)).render(SKILL_OBSERVATION)

            agent = ReActAgent(
                self.model,
                [Tool("bash", ("command",), bash)],
                max_turns=self.max_turns,
                unfinished=lambda: _reminder(workspace),
                max_observation=self._max_observation,
                seconds=self.seconds,
            )
            return await agent.run(self.opening(workspace))

    def opening(self, workspace: Workspace) -> list[Message]:
        """The system prompt, the same for all cases of a run, and the task."""
        system = PROMPTS.render(
            self.kind.system,
            tool_timeout=round(self.sandbox.limits.seconds),
            skill=self.skill,
            skill_folder=self.skill_folder,
        )
        task = PROMPTS.render("task.j2", **workspace.fields)
        return [Message(role="system", content=system), Message(role="user", content=task)]

    def _max_observation(self, action: Action) -> int:
        command = str(action.arguments.get("command"))
        reads_skill = self.skill_folder and str(self.skill_folder) in command
        return SKILL_OBSERVATION if reads_skill else MAX_OBSERVATION


def _reminder(workspace: Workspace) -> str:
    missing = workspace.missing()
    return PROMPTS.render("missing_output.j2", missing=missing) if missing else ""
