"""The narrow seams: a *domain* gives cases and knows what a result is worth, a *harness* runs one
case, a *skill format* reads and writes skills. Queue, run folder, triage, analysts, comparison and
report know none of them.

A new benchmark is a new Domain, a new agent is a new Harness: one file, and a line in registry.py.
A domain derives from `Domain` and writes the methods without a body here; the others have one that
serves most.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self, TypeVar, Unpack

from react_agent.choosing import Which, choose
from react_agent.errors import ContractError
from react_agent.model import ImagePart, Message, Usage
from react_agent.proof import Movement, Origin

Status = Literal[
    "completed",
    "out_of_turns",
    "deadline",
    "stuck",
    "format_errors",
    "context_overflow",
    "refused",
    "infrastructure",
    "crash",
]
"""How a run ended. `infrastructure` and `crash` are not the agent's doing: such a case is run
again by the next start and never counts as the agent's failure. Neither does `refused`, where a
content filter of the endpoint took a prompt or a reply; it is final, as it would come again."""

NOT_THE_AGENT: frozenset[str] = frozenset({"infrastructure", "crash"})
REFUSED: Status = "refused"


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
    rows: Mapping[str, Any] = field(default_factory=dict)
    """What its log says besides, as JSON values by names of small letters and `_`."""

    @property
    def answer(self) -> str:
        """The last thing the agent said."""
        return next((m.text for m in reversed(self.messages) if m.role == "assistant"), "")


class Task(Protocol):
    """One record of a benchmark."""

    @property
    def id(self) -> str:
        """Any text; `filenames.file_name` of it stands for it in paths."""

    @property
    def instruction(self) -> str: ...

    @property
    def instruction_type(self) -> str:
        """By which results are also shown apart; empty where there are no types."""


class Case(Protocol):
    """One thing to run: a task with one of its inputs."""

    @property
    def task(self) -> Task: ...

    @property
    def task_id(self) -> str: ...

    @property
    def name(self) -> str:
        """Unique within the task; names the case's folder (`filenames.case_folder`)."""

    @property
    def input_name(self) -> str:
        """Unique within the task: what `input_file` in results.jsonl and in logs says."""


CaseT = TypeVar("CaseT", bound=Case)


@dataclass(frozen=True)
class Workspace:
    """A case laid out for an agent: its own folder, and nothing else of the benchmark."""

    folder: Path
    fields: Mapping[str, str]
    """What the task prompt may say, by name."""
    missing: Callable[[], str]
    """Empty once the result is there, else one sentence for the agent saying what is missing."""
    images: tuple[ImagePart, ...] = ()
    """Shown beside the task prompt."""
    memory: str = ""
    """Put before the task prompt."""


@dataclass(frozen=True)
class FileNames:
    """What the files of a case are called in the folder of an agent, and of an analyst."""

    given: str
    """What an agent is given."""
    output: str
    """What it is to leave."""
    truth: str
    """Lies in an analyst's folder only."""
    repair: str
    """The result as an analyst has mended it."""

    @property
    def all(self) -> frozenset[str]:
        return frozenset({self.given, self.output, self.truth, self.repair})


@dataclass(frozen=True)
class FailingPlace:
    """Where a result is wrong. It holds no value, so that no answer reaches a prompt."""

    part: str
    """A sheet, a page; empty where a result has no parts."""
    place: str
    """A cell, a line; empty for the whole part."""
    problem: str = ""
    """Kinds, such as "number expected, blank found"."""


@dataclass(frozen=True)
class Score:
    """The verdict of record on one result."""

    passed: bool
    score: float = 0.0
    """Of 1; a domain without partial success says 1 or 0."""
    message: str = ""
    """The first thing that is wrong, or why nothing could be compared."""
    truth: str = ""
    """What it was compared with: the path of a file."""
    output: str = ""
    """The path of the file that was scored."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the verdict file says of it: optional fields of runs/verdicts.CaseVerdict."""


@dataclass(frozen=True)
class Check:
    """One result beside the truth, for somebody who looks for the cause."""

    passed: bool
    report: str
    """Place by place. Starts with `Result: PASS` or `Result: FAIL`."""
    message: str = ""
    """The first thing that is wrong, in one line."""
    failing: tuple[FailingPlace, ...] = ()
    """The first of them."""
    failing_total: int = 0
    readable: bool = True
    by: Mapping[str, str] = field(default_factory=dict)
    """What the comparison rests on (a position, rules); stands in gate.json."""


NO_OUTPUT = "no_output"
"""The class of a failure that left nothing, in any domain."""


@dataclass(frozen=True)
class Facts:
    """What is known of a case without a model."""

    check: Check | None
    """None when there is no output."""
    error_class: str = ""
    """One of the domain's; empty for a right result."""
    answers: tuple[object, ...] = ()
    """Values that a lesson must not give away: those that the task asks for."""
    comparable: bool = True
    """Whether the truth even holds against itself; nothing can be learnt from a case else."""
    by: Mapping[str, str] = field(default_factory=dict)
    """As in Check."""


class Domain(Protocol[CaseT]):
    """A benchmark: which cases there are, how one is laid out, and what its result is worth.

    What registry.DOMAINS names opens it: given the path of a data set, and a Reading or None, it
    raises ContractError where that does not fit. `score`, `facts`, `check` and what else reads
    what an agent wrote are asked inside `with domain:`, where a domain may keep processes.
    """

    name: str
    source: Path
    """The data set's index, for messages; its digest stands in run.json."""
    root: Path
    """Hidden from agents and analysts: the folder in which the truth lies."""
    prompts: Path
    """Folder of the agent's task prompts: task.j2, missing_output.j2, system_<agent>.j2."""
    files: FileNames
    error_classes: Mapping[str, str]
    """Classes of failure that only this domain knows, each with a clause that says it."""
    tasks: Sequence[Task]

    # What need not be said.

    edition: str = ""
    """Of the task prompts; stands in run.json beside their digest."""
    skills: Path | None = None
    """Skills that come with the benchmark."""
    halves: tuple[slice, slice] | None = None
    """The tasks that teach and those that are held out in the paper, where it says which."""
    packages: Sequence[str] = ()
    """Distributions of the toolkit's environment that the agent's Python offers."""
    no_output: str = "no output"
    """What results say of a case that left nothing."""
    scorer: Mapping[str, str] = MappingProxyType({})
    """What verdicts rest on: `rules`, `engine`, `recalculation_engine` of the verdict file."""

    def cases(self, task_id: str) -> list[CaseT]:
        """In order. Raises ContractError for a task without input."""

    def fingerprint(self, case: CaseT) -> str:
        """Hash of all that the agent is given; a finished case is kept only while it holds."""

    def prepare(self, case: CaseT, folder: Path) -> Workspace:
        """Empty `folder` and put the case's inputs into it."""

    def output_path(self, case: CaseT, output_dir: Path) -> Path:
        """Where a result belongs and is scored. Raises ContractError when that leads outside."""

    def collect(self, case: CaseT, folder: Path, output_dir: Path) -> Path | None:
        """Copy the result out of the folder; None when there is none: the case has no success.

        Raises ContractError when what lies there cannot be taken (a link, a device, too large).
        """

    async def score(self, case: CaseT, output: Path) -> Score:
        """The verdict, by the settings of the scorer. What an output holds never raises."""

    async def facts(self, case: CaseT, output: Path | None) -> Facts:
        """Raises ContractError when the data set's own files cannot be read."""

    async def check(self, case: CaseT, repair: Path) -> Check:
        """Does this file hold as the result? The answer of the gate, and of the analyst's tool."""

    def lay_out(self, case: CaseT, folder: Path) -> None:
        """Put input and truth under the names of `files` into an analyst's folder.

        Raises ContractError when there is no truth.
        """

    def truth_digest(self, case: CaseT) -> str:
        """Shows that nobody changed the truth.

        Raises ContractError when there is no truth.
        """

    # What has an answer for most domains.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        return None

    def output_places(self, case: CaseT, output_dir: Path) -> Sequence[Path]:
        """Wherever a run may have put the case's result. Raises ContractError as `output_path`."""
        return [self.output_path(case, output_dir)]

    def asks(self, case: CaseT) -> Mapping[str, str]:
        """What an analyst is told of a task besides its instruction and type, by name."""
        return {}

    def images(self, case: CaseT) -> tuple[ImagePart, ...]:
        """What agent and analyst are shown of a case beside the text of their task.

        Raises ContractError where it cannot be shown.
        """
        return ()

    def telltales(self, task_id: str) -> Mapping[str, str]:
        """Texts of the data set's files by which a task would be known again (in lower case, each
        with what it is, such as "an answer"): a skill must not hold them."""
        return {}

    def scored(self, task_id: str) -> list[CaseT]:
        """The cases of a task as they are scored; none drops the task from all numbers.

        Raises ContractError when there is nothing to score it by.
        """
        return self.cases(task_id)

    # What the gate asks besides `check`, where a domain can say it.

    variants: Mapping[str, bool] = {}
    """Ways to vary an input, and whether a variant holds values that the input does not."""

    async def origin(self, case: CaseT, repair: Path, output: Path | None) -> Origin:
        """By what a repair that holds was made from the truth, and not from the agent's output."""
        return Origin()

    async def vary(self, case: CaseT, folder: Path, kind: str, seed: int, named: str) -> int:
        """Lay out another input of the case's kind; how many of its values are others, 0 where
        this kind of variant cannot be drawn. What `named` says (the script) may be kept as it is.
        """
        return 0

    async def movement(self, case: CaseT, before: Path, after: Path) -> Movement:
        """The result for a variant beside the result for the input."""
        moved = before.read_bytes() != after.read_bytes()
        return Movement(works=True, moved=int(moved), new=moved)

    async def input_words(self, case: CaseT) -> str:
        """What a script may say without saying anything of the answer: texts of the input, words
        of the trade."""
        return ""

    def select(self, **which: Unpack[Which]) -> list[Task]:
        """As `choose`."""
        return choose(self.tasks, self.source, **which)

    def case(self, task_id: str, name: str = "", input_name: str = "") -> CaseT:
        """The case that a log is of; without `name` the one of this input, else the first.

        Raises ContractError when the data set has no such task or input.
        """
        if all(task.id != task_id for task in self.tasks):
            raise ContractError(f"{self.source} has no task {task_id}; give the run's --data_path")
        cases = self.cases(task_id)
        if not name:
            return next((case for case in cases if case.input_name == input_name), cases[0])
        for case in cases:
            if case.name == name:
                return case
        raise ContractError(f"task {task_id} has no input {name}")


@dataclass(frozen=True)
class Reading:
    """What may be spent on reading what agents wrote, and a domain's own settings of its scorer."""

    processes: int | None = None
    """None for one per core."""
    seconds: float = 120
    """For one file."""
    memory_mb: int = 1536
    scoring: Any = None
    """Of the domain's own class; None for its usual ones."""


class Harness(Protocol):
    """An agent that is ready: runs one case in its workspace. A bad run is a Trajectory, not an
    exception; only an endpoint that refuses everything raises (a fatal ModelError).

    How one is opened, and what it is given for that: harnesses/equipment.py.
    """

    @property
    def name(self) -> str: ...

    async def run(self, workspace: Workspace) -> Trajectory: ...
