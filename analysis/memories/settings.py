"""Settings of a memory bank's making. Imports nothing heavy."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from analysis.analysts.settings import (
    CallAnalysis,
    CallErrorAnalysis,
    CallSuccessAnalysis,
    RunChoice,
)
from react_agent.engines.settings import ExecutorSettings
from react_agent.layout import BUDGET, LOGS, MEMORY_BANK, PARSED
from react_agent.models.settings import ModelSettings
from react_agent.settings import Settings, part, setting


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

    def stages(self, data_path: Path) -> Iterator[CallAnalysis]:
        """One for each kind of trajectory."""
        kinds: tuple[type[CallAnalysis], ...] = (CallErrorAnalysis, CallSuccessAnalysis)
        file = self.model.budget.budget or self.bank.with_name(f"{self.bank.stem}_{BUDGET}")
        capped = any(
            (self.model.budget.max_cost, self.model.budget.max_tokens, self.model.budget.max_calls)
        )
        budget = replace(self.model.budget, budget=file) if capped else self.model.budget
        for kind in kinds:
            if self.only in ("all", kind.kind):
                yield kind(
                    logs_dir=self.run_folder / LOGS,
                    output_dir=self.folder(kind),
                    parsed_output=self.records(kind),
                    data_path=data_path,
                    for_memory=True,
                    max_workers=self.max_workers,
                    domain=self.domain,
                    choice=self.choice,
                    executor=self.executor,
                    model=replace(self.model, budget=budget),
                )

    def folder(self, kind: type[CallAnalysis]) -> Path:
        return self.bank.with_name(f"{self.bank.stem}_{kind.kind}")

    def records(self, kind: type[CallAnalysis]) -> Path:
        return self.bank.with_name(f"{self.bank.stem}_{kind.kind}{PARSED}")
