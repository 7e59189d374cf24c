"""The spreadsheet agents: one ReAct loop, and a table of what sets the agents apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from react_agent.agent import MAX_OBSERVATION, ReActAgent, Tool
from react_agent.files import digest
from react_agent.model import Message, Model
from react_agent.replies import Action
from react_agent.sandbox import Sandbox
from react_agent.seams import Trajectory, Workspace
from react_agent.skills import Skill
from react_agent.templates import Prompts

EDITION = "paper-1"
"""Of all that the agents are told, prompts and preview: what the paper's agent is told, and no
advice. What we know better belongs into a skill, where it is measured. Any change is an edition."""
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


def agent_prompts(folder: Path | None = None) -> Prompts:
    """Ours, or with a user's templates in place of some. Raises ContractError as Prompts does."""
    return Prompts("spreadsheet_agent", "react_agent", folder=folder)


def edition(prompts: Prompts) -> dict[str, str]:
    """Part of a run's settings: which prompts speak."""
    parts = digest(*(part for item in prompts.sources().items() for part in item))
    return {"edition": "own" if prompts.folder else EDITION, "digest": parts}


class SpreadsheetAgent:
    """The built-in harness: a ReAct agent with bash in the case's folder."""

    def __init__(
        self,
        kind: AgentKind,
        model: Model,
        sandbox: Sandbox,
        *,
        prompts: Prompts,
        skill: Skill | None,
        max_turns: int,
        seconds: float | None = None,
        hide: Sequence[Path] = (),
    ) -> None:
        self.kind, self.model, self.sandbox, self.skill = kind, model, sandbox, skill
        self.prompts = prompts
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
                unfinished=lambda: self._reminder(workspace),
                max_observation=self._max_observation,
                seconds=self.seconds,
                prompts=self.prompts,
            )
            return await agent.run(self.opening(workspace))

    def opening(self, workspace: Workspace) -> list[Message]:
        """The system prompt, the same for all cases of a run, and the task."""
        skill = self.skill
        system = self.prompts.render(
            self.kind.system,
            tool_timeout=round(self.sandbox.limits.seconds),
            skill_name=skill.name if skill else "",
            skill_body=skill.body if skill else "",
            skill_folder=self.skill_folder,
        )
        task = self.prompts.render("task.j2", **workspace.fields)
        return [Message(role="system", content=system), Message(role="user", content=task)]

    def _max_observation(self, action: Action) -> int:
        command = str(action.arguments.get("command"))
        reads_skill = self.skill_folder and str(self.skill_folder) in command
        return SKILL_OBSERVATION if reads_skill else MAX_OBSERVATION

    def _reminder(self, workspace: Workspace) -> str:
        missing = workspace.missing()
        return self.prompts.render("missing_output.j2", missing=missing) if missing else ""
