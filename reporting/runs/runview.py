"""Read run folders, whole or damaged: the only reader of them in this package.

    view = RunView.load(Path("outputs/base"))      # a run folder, an outputs folder, a verdict file
    runs = load_runs(Path("outputs/base"))         # the same, and one view for each seed_* of it

Nothing here raises for a file that is torn, missing or foreign: the view holds what there is, and
`problems` names each file that could not be used and why.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from analysis.evidence.taxonomy import class_by_status
from analysis.lessons.outcomes import CaseAnalysis
from analysis.lessons.records import LessonKind, LessonRecord, load_records
from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import (
    CASE_FILE,
    PARSED,
    RunLayout,
    analysis_folder,
    record_file,
    report_prefix,
    seed_folders,
)
from react_agent.model import Usage
from react_agent.runs.activation import Opening, openings, skills_opened
from react_agent.runs.conduct import Finding, findings
from react_agent.runs.folder import CaseResult
from react_agent.runs.logs import Log, find_logs, read_log
from react_agent.runs.settings import DOMAIN
from react_agent.runs.verdicts import Evaluation, TaskVerdict
from reporting.runs.runlines import of_release, read_results, released_results

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")
NOT_KNOWN = "not known"
"""The class of a failure that nobody has looked into."""
KINDS: tuple[LessonKind, ...] = ("error", "success")


@dataclass(frozen=True)
class Problem:
    """A file that could not be used."""

    file: str
    reason: str


@dataclass(frozen=True)
class Analysis:
    """What an analyst left of one case."""

    kind: LessonKind
    file: Path
    case: CaseAnalysis


@dataclass(frozen=True)
class RunView:
    """One run (of one seed) as its files show it."""

    path: Path
    """As the caller named it."""
    layout: RunLayout
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`settings` of run.json: all that decides the results. Empty without a run.json."""
    sessions: tuple[Mapping[str, Any], ...] = ()
    cases: tuple[CaseResult, ...] = ()
    """The latest line of results.jsonl for each case, in the order of the file."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """results.json without its results."""
    instructions: Mapping[str, str] = field(default_factory=dict)
    """By task, from results.json."""
    evaluation: Evaluation | None = None
    logs: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    """By task id and case; the case is empty where a task has one input."""
    records: Mapping[LessonKind, tuple[LessonRecord, ...]] = field(default_factory=dict)
    record_files: Mapping[LessonKind, Path] = field(default_factory=dict)
    analyses: tuple[Analysis, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "RunView":
        """Raises ContractError only when there is nothing at `path`."""
        layout = RunLayout.find(Path(path))
        found = _Finder()
        record: dict[str, Any] = {}
        summary: dict[str, Any] = found.attempt(layout.results, _mapping, {})
        if of_release(layout):
            cases = tuple(released_results(summary, layout.outputs))
        else:
            record = found.attempt(layout.settings, _mapping, {})
            cases, torn = read_results(layout.lines)
            found.problems += [Problem(str(layout.lines), why) for why in torn]
        records, record_files = found.records(layout.root)
        return cls(
            path=Path(path),
            layout=layout,
            settings=mapping(record.get("settings")),
            sessions=tuple(
                s for s in _list_or_empty(record.get("sessions")) if isinstance(s, dict)
            ),
            cases=cases,
            summary={k: v for k, v in summary.items() if k != "results"},
            instructions=dict(_instructions(summary.get("results"))),
            evaluation=found.attempt(layout.verdicts, Evaluation.from_json, None),
            logs={(name.task_id, name.case): file for name, file in find_logs(layout.logs)},
            records=records,
            record_files=record_files,
            analyses=tuple(_analyses(layout.root)),
            problems=tuple(found.problems),
        )

    @property
    def model(self) -> str:
        described = mapping(self.settings.get("model"))
        return str(described.get("model") or self.summary.get("model") or "")

    @property
    def seed(self) -> int | None:
        value = self.settings.get("seed", self.summary.get("seed"))
        return value if isinstance(value, int) else None

    @property
    def skill(self) -> str:
        return str(mapping(self.settings.get("skill")).get("name", ""))

    @property
    def memory(self) -> str:
        """What stood before each task, and how it was found; empty where nothing did."""
        noted = mapping(self.settings.get("memory"))
        found = noted.get("embedding_model") or "common words, not vectors"
        return f"{noted['name']} (by {found})" if noted.get("name") else ""

    @property
    def agent(self) -> str:
        return str(self.settings.get("agent") or self.summary.get("agent_name") or "")

    @property
    def harness(self) -> str:
        """Empty for the built-in one; of a client with how it was offered the skill."""
        name, offer = self.settings.get("harness"), self.settings.get("skill_offer")
        return f"{name} ({offer})" if name and offer else str(name or "")

    @property
    def domain(self) -> str:
        """By its name in the registry; a run that notes none is of the usual one."""
        return str(self.settings.get("domain") or DOMAIN)

    @property
    def recorded(self) -> bool:
        """The replies came from a cassette: what was run shows mechanics and measures nothing."""
        return mapping(self.settings.get("model")).get("source") == "replay"

    @property
    def environment(self) -> Mapping[str, Any]:
        """Where and with what the latest session ran; empty where it is not noted."""
        return mapping(self.sessions[-1].get("environment")) if self.sessions else {}

    @property
    def data_path(self) -> Path | None:
        """The data set as the latest session named it."""
        named = self.environment.get("data_path")
        return Path(named) if isinstance(named, str) and named else None

    @property
    def usage(self) -> Usage:
        return sum((case.usage for case in self.cases), Usage())

    @cached_property
    def cases_of(self) -> Mapping[str, tuple[CaseResult, ...]]:
        grouped: dict[str, list[CaseResult]] = {}
        for case in self.cases:
            grouped.setdefault(case.id, []).append(case)
        return {task: tuple(cases) for task, cases in grouped.items()}

    @cached_property
    def verdicts(self) -> Mapping[str, TaskVerdict]:
        """By task; empty where the run was not scored."""
        results = self.evaluation.results if self.evaluation else ()
        return {result.id: result for result in results}

    @cached_property
    def error_classes(self) -> Mapping[str, str]:
        """The class of a task's failure, where it failed: by an analysis at hand, else by how the
        run ended, else as the scoring found it."""
        classes: dict[str, str] = {}
        for case in self.cases:
            log = Log((), {"status": case.status, "success": case.success})
            if found := class_by_status(log):
                classes.setdefault(case.id, found)
        for task, verdict in self.verdicts.items():
            if scored := next((c.error_class for c in verdict.test_cases if c.error_class), None):
                classes.setdefault(task, scored)
        for analysis in self.analyses:
            same_seed = analysis.case.seed in (None, self.seed)
            if analysis.kind == "error" and analysis.case.error_class and same_seed:
                classes[analysis.case.task_id] = analysis.case.error_class
        return classes

    @property
    def conduct(self) -> Mapping[str, tuple[Finding, ...]]:
        """By task, where commands of its agent looked like a search for answers."""
        return self._commands[0]

    @cached_property
    def skill_files(self) -> tuple[str, ...]:
        """What its agents had to open to know it; none for a run without a skill, or from before
        this was noted."""
        return tuple(map(str, _list_or_empty(self.environment.get("skill_files"))))

    @property
    def activation(self) -> Mapping[str, tuple[Opening, ...]]:
        """By task with a log: the files of the skill that its agent opened, each once."""
        return self._commands[1]

    @cached_property
    def _commands(self) -> tuple[dict[str, tuple[Finding, ...]], dict[str, tuple[Opening, ...]]]:
        """What commands of agents show, each log read once; one that cannot be read shows none."""
        conduct: dict[str, tuple[Finding, ...]] = {}
        opened: dict[str, tuple[Opening, ...]] = {}
        for (task, _), file in self.logs.items():
            with suppress(ContractError):
                log = read_log(file)
                if seen := findings(log):
                    conduct[task] = (*conduct.get(task, ()), *seen)
                if self.skill_files:
                    read = openings(log, self.skill, self.skill_files)
                    opened[task] = (*opened.get(task, ()), *read)
                elif "skills" in log.result:
                    opened[task] = skills_opened(log)
        return conduct, opened

    @property
    def task_ids(self) -> tuple[str, ...]:
        """All tasks that any file knows of, scored ones first, in the order of their files."""
        known = [*self.verdicts, *self.cases_of, *self.instructions, *(t for t, _ in self.logs)]
        return tuple(dict.fromkeys(known))

    def log_file(self, task_id: str, input_file: str = "") -> Path | None:
        case = Path(input_file).stem
        return self.logs.get((task_id, case)) or self.logs.get((task_id, ""))

    def output_file(self, case: CaseResult) -> Path | None:
        return self.layout.outputs / case.output_file if case.output_file else None

    def work_folder(self, case: CaseResult) -> Path:
        return self.layout.work / f"{case.id}_{Path(case.input_file).stem}"


def load_runs(path: Path) -> list[RunView]:
    """One view, or one for each `seed_*` where a folder holds several seeds."""
    layout = RunLayout.find(path)
    seeds = [] if layout.settings.exists() else seed_folders(layout.outputs)
    return [RunView.load(one) for one in seeds or [path]]


def _mapping(value: Any, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContractError(f"{file}: expected an object, found {type(value).__name__}")
    return value


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list_or_empty(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _instructions(results: Any) -> Iterator[tuple[str, str]]:
    for entry in _list_or_empty(results):
        if isinstance(entry, dict) and "id" in entry:
            yield str(entry["id"]), str(entry.get("instruction", ""))


def _analyses(root: Path) -> Iterator[Analysis]:
    """The agentic analyst leaves a folder a case, the one-call analysts a file a case."""
    for kind in KINDS:
        for folder in sorted(root.glob(f"{analysis_folder(kind)}*")):
            files = [
                *folder.glob(f"*/{CASE_FILE}"),
                *folder.glob(f"{report_prefix(kind)}*.json"),
            ]
            for file in sorted(files):
                if case := CaseAnalysis.load(file):
                    yield Analysis(kind, file, case)


class _Finder:
    """Reads files and notes those that cannot be used."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def attempt(
        self, file: Path, read: Callable[[Any, Path], T], otherwise: Otherwise
    ) -> T | Otherwise:
        try:
            return read(read_json(file), file)
        except ContractError as error:
            self.problems.append(Problem(str(file), str(error).removeprefix(f"{file}: ")))
            return otherwise

    def records(
        self, root: Path
    ) -> tuple[dict[LessonKind, tuple[LessonRecord, ...]], dict[LessonKind, Path]]:
        """Lesson records are optional: a run that nobody analysed has none."""
        records: dict[LessonKind, tuple[LessonRecord, ...]] = {}
        files: dict[LessonKind, Path] = {}
        for kind in KINDS:
            folder = analysis_folder(kind)
            names = (f"{folder}{PARSED}", f"{folder}*/{record_file(kind)}")
            file = next((f for name in names for f in sorted(root.glob(name))), None)
            if file is None:
                continue
            try:
                records[kind], files[kind] = tuple(load_records(file, kind)), file
            except ContractError as error:
                self.problems.append(Problem(str(file), str(error).removeprefix(f"{file}: ")))
        return records, files
