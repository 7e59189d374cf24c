"""Settings of the parse scripts. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from react_agent.settings import Settings, setting

LessonKind = Literal["error", "success"]
NO_TRUTH = "no truth"
"""What a record of a session has for a gate's verdict: nobody knows what would have been right."""


@dataclass(frozen=True, kw_only=True)
class ReportParsing(Settings):
    """From a folder of reports to a record file, without asking any model."""

    kind: ClassVar[LessonKind]
    input_dir: Path = setting("--output_dir of the analysis")
    output: Path | None = setting("record file", None, default_text="standard output")


@dataclass(frozen=True, kw_only=True)
class ErrorParsing(ReportParsing):
    kind: ClassVar[LessonKind] = "error"


@dataclass(frozen=True, kw_only=True)
class SuccessParsing(ReportParsing):
    kind: ClassVar[LessonKind] = "success"
