"""Settings of the parse scripts. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from react_agent.layout import record_file
from react_agent.settings import Settings, setting

LessonKind = Literal["error", "success"]


@dataclass(frozen=True, kw_only=True)
class ReportParsing(Settings):
    """From a folder of reports to a record file, without asking any model."""

    kind: ClassVar[LessonKind]
    input_dir: Path = setting("--output_dir of the analysis")
    output: Path | None = setting(
        "record file", None, default_text="parsed_<error or success>_records.json in <input_dir>"
    )

    @property
    def records(self) -> Path:
        return self.output or self.input_dir / record_file(self.kind)


@dataclass(frozen=True, kw_only=True)
class ErrorParsing(ReportParsing):
    kind: ClassVar[LessonKind] = "error"


@dataclass(frozen=True, kw_only=True)
class SuccessParsing(ReportParsing):
    kind: ClassVar[LessonKind] = "success"
