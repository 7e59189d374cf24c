"""Any program as an agent: it gets the task by a file and by its environment, and leaves its answer
in the case's folder, inside the same sandbox as the built-in agent's shell.

    --harness command --command 'python my_agent.py {task}'

TASK_FILE holds the task prompt, CASE_DIR the folder that it runs in, SKILL_DIR the skill where
there is one; `{task}`, `{folder}` and `{skill}` in the command stand for the same. Files that the
command names can be read. There is no network.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.harnesses.equipment import Choice, Equipment
from react_agent.model import Message
from react_agent.sandbox.bash import BashResult
from react_agent.seams import Status, Trajectory, Workspace

LONGEST_OUTPUT = 100_000
"""Characters of what the program prints that its log keeps."""
TASK_FILE = ".task.md"
NOT_STARTED = (126, 127)
"""Exit codes of a shell that could not start a program."""


def command_agent(choice: Choice) -> "CommandKind":
    """Raises ContractError without a command, or with one that cannot be read."""
    try:
        words = shlex.split(choice.command)
    except ValueError as error:
        raise ContractError(f"--command {choice.command!r}: {error}") from None
    if not words:
        raise ContractError("--harness command needs --command: the program and its arguments")
    files = {word: Path(word).resolve() for word in words if "/" in word or Path(word).is_file()}
    programs = {word: path for word, path in files.items() if path.is_file()}
    argv = tuple(str(programs.get(word, word)) for word in words)
    return CommandKind(argv, tuple(programs.values()), with_skill=choice.agent != "cli_only")


@dataclass(frozen=True)
class CommandKind:
    argv: tuple[str, ...]
    files: tuple[Path, ...]
    with_skill: bool
    name: str = "command"
    with_model: bool = False
    protocol: str = ""
    preloads: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        digests = [digest(path.read_bytes()) for path in self.files]
        return {"command": list(self.argv), "files": digests}

    def open(self, equipment: Equipment) -> "CommandHarness":
        return CommandHarness(self, equipment)


class CommandHarness:
    name = "command"

    def __init__(self, kind: CommandKind, equipment: Equipment) -> None:
        self.kind, self.equipment = kind, equipment
        self.sandbox = equipment.for_one_command()
        self.skill_folder = equipment.skill_folder

    async def run(self, workspace: Workspace) -> Trajectory:
        task = self.equipment.task(workspace)
        (workspace.folder / TASK_FILE).write_text(f"{task}\n", encoding="utf-8")
        visible = [*self.kind.files, *([self.skill_folder] if self.skill_folder else [])]
        case = self.sandbox.case(workspace.folder, read_only=visible, hide=self.equipment.hide)
        async with case as shell:
            done = await shell.run(self._command(workspace.folder))
        status, error = _ended(done, workspace)
        said = [
            Message(role="user", content=task),
            Message(role="assistant", content=done.render(LONGEST_OUTPUT)),
        ]
        return Trajectory(said, status, turns=1, error=error, seconds=done.seconds)

    def _command(self, folder: Path) -> str:
        places = {
            "TASK_FILE": str(folder / TASK_FILE),
            "CASE_DIR": str(folder),
            "SKILL_DIR": str(self.skill_folder or ""),
        }
        spelled = {"{task}": "TASK_FILE", "{folder}": "CASE_DIR", "{skill}": "SKILL_DIR"}
        argv = list(self.kind.argv)
        for mark, name in spelled.items():
            argv = [word.replace(mark, places[name]) for word in argv]
        given = [f"{name}={value}" for name, value in places.items() if value]
        return shlex.join(["env", *given, *argv])


def _ended(done: BashResult, workspace: Workspace) -> tuple[Status, str]:
    """By what happened; the exit code counts only where no program was started."""
    if done.killed == "timeout":
        return "deadline", f"not done after {done.seconds:.0f} s"
    if done.killed:
        return "completed", f"ended at its limit: {done.killed}"
    if done.exit_code and workspace.missing():
        return "crash" if done.exit_code in NOT_STARTED else "completed", done.render(400)
    return "completed", ""
