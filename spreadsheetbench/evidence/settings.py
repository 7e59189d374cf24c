"""Settings of the workbook check. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class OutputCheck(Settings):
    """Compare a workbook with another in the cells that count."""

    output_file: Path = setting("the workbook to check")
    ground_truth: Path = setting("the right workbook")
    answer_position: str = setting("such as 'Sheet1'!A1:B9,C3")
    answer_sheet: str = setting("the record's field of that name", "")
    rules: Literal["released", "upstream", "sheet-aware"] = setting("of scoring", "released")
