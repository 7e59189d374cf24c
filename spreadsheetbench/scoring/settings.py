"""Settings of the scoring. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.layout import VERDICTS
from react_agent.runs.settings import DOMAIN, DOMAIN_HELP
from react_agent.settings import Settings, part, setting


@dataclass(frozen=True, kw_only=True)
class BookScoring(Settings):
    """What decides the verdict on a workbook, and how workbooks are read."""

    rules: Literal["released", "upstream", "sheet-aware"] = setting(
        "whose reading of positions and cells decides; differing tasks are always listed",
        "released",
    )
    recalculate: Literal["never", "uncached"] = setting(
        "uncached: a second column, with formulas that hold no value calculated", "never"
    )
    recalc_engine: Literal["betteroffice", "formulon", "libreoffice"] = setting(
        "what calculates them", "betteroffice"
    )
    engine: Literal["lazy", "openpyxl"] = setting(
        "what reads files; openpyxl: the reference, slower by an order of magnitude", "lazy"
    )
    proof_cache: Literal["user", "off"] = setting(
        "user: what was proven of packages is kept in ~/.cache/trace2skill for other runs", "user"
    )

    @property
    def reserves_memory(self) -> bool:
        """WebAssembly and office suites reserve address space, which is no use of memory."""
        return self.recalculate != "never" and self.recalc_engine != "betteroffice"


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(Settings):
    """What may be spent on one test case."""

    workers: int | None = setting("processes", None, least=1, default_text="one per core")
    timeout: int = setting("seconds for one test case", 120, least=1)
    memory: int = setting("megabytes for one test case", 1536, least=1)


@dataclass(frozen=True, kw_only=True)
class Scoring(Settings):
    """The outputs of a run against the truth."""

    data_path: Path = setting("data set directory or index")
    domain: str = setting(DOMAIN_HELP, DOMAIN)
    output_dir: Path = setting("output folder of the run")
    results_file: Path | None = setting(
        "where the verdicts go", None, default_text=f"<output_dir>/{VERDICTS}"
    )
    start_idx: int = setting("first record of the data set", 0)
    end_idx: int | None = setting("record to stop before", None)
    instance_ids: tuple[str, ...] = setting("only these tasks", (), unit="IDS")
    repeat: int = setting("above 1: score every <output_dir>/seed_* and combine them", 1, least=1)
    rules: BookScoring = part(BookScoring(), "rules")
    limits: ReadingSettings = part(ReadingSettings(), "limits")
