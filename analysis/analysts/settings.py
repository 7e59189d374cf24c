"""Settings of the analyses. Imports nothing heavy."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypedDict

from analysis.lessons.settings import LessonKind
from react_agent.engines.settings import ExecutorSettings
from react_agent.layout import (
    BUDGET,
    LOGS,
    MEMORY_BANK,
    PARSED,
    WORK,
    analysis_folder,
    record_file,
)
from react_agent.models.settings import ModelSettings
from react_agent.settings import Settings, part, setting

EXIT_CODES = (
    "Exit codes: 0 all done, 1 cases are still owed (run it again), 2 wrong input, 130 interrupted."
)
AGENT_MODEL = ModelSettings(released_temperature=0.7)
"""The released code's one call has no temperature of its own."""

PER_CLASS = (
    "analyst runs for one class of failure that code can name; the others of the class are "
    "counted, not analysed"
)


@dataclass(frozen=True, kw_only=True)
class RunChoice(Settings):
    """Which runs are analysed."""

    instance_ids: tuple[str, ...] = setting("only these, comma separated", (), unit="IDS")
    sample: int | None = setting("the first so many of the chosen runs", None, least=1)
    shuffle_seed: int | None = setting("shuffle the chosen runs before --sample", None)
    repeat: int = setting("above 1: all seed_* folders together", 1, least=1)
    seed: int | None = setting("sent with each request", None)
    overwrite: bool = setting("forget earlier analyses in --output_dir", False)


@dataclass(frozen=True, kw_only=True)
class Repairing(Settings):
    """How an analyst with a shell works, and what proves its diagnosis."""

    max_turns: int = setting("model replies per case", 20, least=1)
    case_timeout: float | None = setting(
        "end a case before the turn that would start later; time that the endpoint was slow to "
        "accept a call, failed or was down is not counted",
        None,
        least=0,
        unit="SECONDS",
    )
    workers: int = setting("cases in flight", 1, least=1)
    tool_slots: int | None = setting(
        "commands at once", None, least=1, default_text="2 x cores of the machine"
    )
    sandbox: Literal["auto", "bwrap", "none"] = setting("where the analyst's shell runs", "auto")
    gate: Literal["output", "replay", "off"] = setting(
        "what a repair has to be: a right result, a script that also works on other inputs of the "
        "kind, or nothing",
        "output",
    )


@dataclass(frozen=True, kw_only=True)
class Analysis(Settings):
    """What every analysis is told."""

    kind: ClassVar[LessonKind]
    domain: str = setting("benchmark, or module:attribute of your own", "spreadsheetbench")
    logs_dir: Path = setting("trajectory logs with verdicts")
    output_dir: Path = setting("report folder")
    parsed_output: Path | None = setting(
        "record file", None, default_text="parsed_<error or success>_records.json in <output_dir>"
    )
    choice: RunChoice = part(RunChoice(), "cases")
    executor: ExecutorSettings = part(ExecutorSettings(), "executor")
    model: ModelSettings = part(ModelSettings(), "model")

    @property
    def in_flight(self) -> int:
        """Cases at once."""
        raise NotImplementedError

    @property
    def records(self) -> Path:
        return self.parsed_output or self.output_dir / record_file(self.kind)


@dataclass(frozen=True, kw_only=True)
class ErrorAnalysis(Analysis):
    """The agentic error analysis."""

    kind: ClassVar[LessonKind] = "error"
    data_path: Path = setting("data set of the run")
    per_class: int | None = setting(PER_CLASS, None, least=1, default_text="all")
    work_dir: Path = setting("case folders of the run")
    output_dir: Path = setting("report folder", Path("analysis_output"))
    repairing: Repairing = part(Repairing(), "analyst")
    model: ModelSettings = part(AGENT_MODEL, "model")

    @property
    def in_flight(self) -> int:
        return self.repairing.workers


@dataclass(frozen=True, kw_only=True)
class CallAnalysis(Analysis):
    """An analysis by one call a run."""

    data_path: Path | None = setting("also check items for values of the task's answers", None)
    all: bool = setting("every run that the agent ended, whatever its verdict", False)
    for_memory: bool = setting("notes for a memory bank, not lessons", False, hidden=True)
    max_workers: int = setting("calls in flight", min(32, 4 * (os.cpu_count() or 1)), least=1)
    rejected: tuple[str, ...] = setting(
        "lessons that a person has turned down, and why: not to be drawn again", (), hidden=True
    )

    @property
    def in_flight(self) -> int:
        return self.max_workers


@dataclass(frozen=True, kw_only=True)
class CallErrorAnalysis(CallAnalysis):
    """The paper's ablation of the error analysis."""

    kind: ClassVar[LessonKind] = "error"
    output_dir: Path = setting("report folder", Path("error_analysis_llm_output"))
    per_class: int | None = setting(PER_CLASS, None, least=1, default_text="all")
    contrast: bool = setting(
        "one call for each case that one seed solved and another failed, with both logs; needs "
        "--repeat",
        False,
    )


@dataclass(frozen=True, kw_only=True)
class CallSuccessAnalysis(CallAnalysis):
    """What made runs succeed."""

    kind: ClassVar[LessonKind] = "success"
    output_dir: Path = setting("report folder", Path("success_analysis_output"))


@dataclass(frozen=True, kw_only=True)
class RunAnalysis(Settings):
    """Both analyses of a whole run, where the published commands put its files."""

    domain: str = setting("benchmark, or module:attribute of your own", "spreadsheetbench")
    run_folder: Path = setting("holds logs/, work/ and outputs/", positional=True)
    only: Literal["all", "error", "success"] = setting("which analyses to run", "all")
    single_call: bool = setting("failures by one call each: the ablation", False)
    per_class: int | None = setting(PER_CLASS, None, least=1, default_text="all")
    data_path: Path | None = setting("data set", None, default_text="what the run recorded")
    success_generation_config: str | None = setting(
        "for successes", None, default_text="--generation_config"
    )
    choice: RunChoice = part(RunChoice(), "cases")
    repairing: Repairing = part(Repairing(), "analyst")
    executor: ExecutorSettings = part(ExecutorSettings(), "executor")
    model: ModelSettings = part(AGENT_MODEL, "model")

    def stages(self, data_path: Path) -> list[Analysis]:
        """The analyses to run, in their order."""
        config = self.success_generation_config or self.model.generation_config
        called = replace(self.model, released_temperature=None)
        errors, successes = (self.run_folder / analysis_folder(k) for k in ("error", "success"))
        chosen: list[Analysis] = []
        if self.only != "success" and self.single_call:
            chosen.append(
                CallErrorAnalysis(
                    **_placed(self, errors.with_name(f"{errors.name}_llm")),
                    data_path=data_path,
                    per_class=self.per_class,
                    max_workers=self.repairing.workers,
                    model=called,
                )
            )
        elif self.only != "success":
            chosen.append(
                ErrorAnalysis(
                    **_placed(self, errors),
                    data_path=data_path,
                    per_class=self.per_class,
                    work_dir=self.run_folder / WORK,
                    repairing=self.repairing,
                    model=self.model,
                )
            )
        if self.only != "error":
            chosen.append(
                CallSuccessAnalysis(
                    **_placed(self, successes),
                    data_path=data_path,
                    max_workers=self.repairing.workers,
                    model=replace(called, generation_config=config),
                )
            )
        return chosen


@dataclass(frozen=True, kw_only=True)
class MemoryBuilding(Settings):
    """Notes from every trajectory of a run, solved or failed, by one call each."""

    domain: str = setting("benchmark, or module:attribute of your own", "spreadsheetbench")
    run_folder: Path = setting("holds logs/ with verdicts in their names", positional=True)
    memory_bank: Path | None = setting(
        "the bank", None, unit="FILE", default_text=f"<run_folder>/{MEMORY_BANK}"
    )
    only: Literal["all", "error", "success"] = setting("which trajectories to learn from", "all")
    data_path: Path | None = setting("data set", None, default_text="what the run recorded")
    max_workers: int = setting("calls in flight", 8, least=1)
    choice: RunChoice = part(RunChoice(), "cases")
    executor: ExecutorSettings = part(ExecutorSettings(), "executor")
    model: ModelSettings = part(ModelSettings(default_temperature=1.0), "model")

    @property
    def bank(self) -> Path:
        return self.memory_bank or self.run_folder / MEMORY_BANK

    def stages(self, data_path: Path) -> list[Analysis]:
        """One for each kind of trajectory."""
        kinds: tuple[type[CallAnalysis], ...] = (CallErrorAnalysis, CallSuccessAnalysis)
        budget = self.model.budget
        if budget.capped:
            file = budget.budget or self.bank.with_name(f"{self.bank.stem}_{BUDGET}")
            budget = replace(budget, budget=file)
        return [
            kind(
                **_placed(self, self.bank.with_name(f"{self.bank.stem}_{kind.kind}")),
                data_path=data_path,
                for_memory=True,
                max_workers=self.max_workers,
                model=replace(self.model, budget=budget),
            )
            for kind in kinds
            if self.only in ("all", kind.kind)
        ]


class _Placed(TypedDict):
    logs_dir: Path
    output_dir: Path
    parsed_output: Path
    domain: str
    choice: RunChoice
    executor: ExecutorSettings


def _placed(run: RunAnalysis | MemoryBuilding, folder: Path) -> _Placed:
    """What every analysis of a run is told alike, and where it leaves its files."""
    return {
        "logs_dir": run.run_folder / LOGS,
        "output_dir": folder,
        "parsed_output": folder.with_name(f"{folder.name}{PARSED}"),
        "domain": run.domain,
        "choice": run.choice,
        "executor": run.executor,
    }
