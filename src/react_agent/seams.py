"""The narrow seams: a *domain* gives cases and scores them, a *harness* runs one case, a *skill
format* reads and writes skills.

A new benchmark is a new Domain, a new agent is a new Harness; the runner knows neither.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from react_agent.model import Message, Usage
from react_agent.skills import Skill

Status = Literal[
    "completed",
    "out_of_turns",
    "deadline",
    "stuck",
    "format_errors",
    "context_overflow",
    "infrastructure",
    "crash",
]
"""How a run ended. `infrastructure` and `crash` are not the agent's doing: such a case is run
again by the next start and never counts as the agent's failure."""

NOT_THE_AGENT: frozenset[str] = frozenset({"infrastructure", "crash"})


@dataclass
class Trajectory:
    """One run of one case: the whole conversation and how it ended."""

    messages: list[Message] = field(default_factory=list)
    status: Status = "completed"
    turns: int = 0
    """Model replies that were charged to the turn budget; format errors are not."""
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0

    @property
    def answer(self) -> str:
        """The last thing the agent said."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")


class Case(Protocol):
    """One thing to run: a task with one of its inputs."""

    @property
    def task_id(self) -> str: ...

    @property
    def name(self) -> str:
        """Unique within the task; `<task_id>_<name>` names the case's folder."""
        ...


CaseT = TypeVar("CaseT", bound=Case)
CaseIn = TypeVar("CaseIn", bound=Case, contravariant=True)


@dataclass(frozen=True)
class Workspace:
    """A case laid out for an agent: its own folder, and nothing else of the benchmark."""

    folder: Path
    fields: Mapping[str, str]
    """What the task prompt may say, by name."""
    missing: Callable[[], str]
    """Empty once the result is there, else one sentence for the agent saying what is missing."""


class Domain(Protocol[CaseT]):
    """A benchmark: which cases there are, how one is laid out, and what its result is worth."""

    @property
    def name(self) -> str: ...

    def cases(self, task_ids: Sequence[str]) -> list[CaseT]:
        """The cases of these tasks, in order. Raises ContractError for a task without input."""
        ...

    def fingerprint(self, case: CaseT) -> str:
        """Hash of all that the agent is given; a finished case is kept only while it holds."""
        ...

    def prepare(self, case: CaseT, folder: Path) -> Workspace:
        """Empty `folder` and put the case's inputs into it."""
        ...

    def output_path(self, case: CaseT, output_dir: Path) -> Path:
        """Where the case's result belongs. Raises ContractError when that leads outside."""
        ...

    def collect(self, case: CaseT, folder: Path, output_dir: Path) -> Path | None:
        """Copy the result out of the folder; None when there is none.

        Raises ContractError when what lies there cannot be taken (a link, a device, too large).
        """
        ...


class Harness(Protocol):
    """An agent: runs one case in its workspace. A bad run is a Trajectory, not an exception."""

    @property
    def name(self) -> str: ...

    async def run(self, workspace: Workspace) -> Trajectory: ...


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
        ...

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        """Make these the folder's text files, in one step; others stay."""
        ...

    def check(self, skill: Skill, max_lines: int, *, on_disk: bool = False) -> list[Problem]:
        """Every rule that the skill breaks, be it in memory only or as it lies in its folder."""
        ...
