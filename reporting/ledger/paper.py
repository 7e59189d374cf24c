"""The paper's tables as `paper_tables.json` holds them: one row a number, V3 and V5 apart."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from react_agent.configfile import read_record

TABLES = Path(__file__).with_name("paper_tables.json")
MODELS = {"122B": "qwen3.5-122b-a10b", "35B": "qwen3.5-35b-a3b"}
HELD_OUT, EVOLVE, SOFT, HARD = "Vrf", "Vrf, evolve half", "Soft", "Hard"
"""Benchmarks that SpreadsheetBench runs can stand beside. Vrf is rows 200:400 of Verified-400."""
TABLES_OF = {"wikitablequestions": ("WikiTQ", 4344), "hitab": ("HiTab", 1584)}
"""Of the domains of tables: the paper's name, and how many questions the test set has."""

AIME, DAPO, ANLS, ACC = "AIME 2026", "DAPO-test", "DocVQA ANLS", "DocVQA Acc"

Version = Literal["V3", "V5"]
Mode = Literal["no skill", "human-written", "parametric", "deepening", "creation"]
Signal = Literal["error", "success", "combined"]


class PaperRow(BaseModel, frozen=True, extra="forbid"):
    """One number of the paper."""

    table: str
    version: Version
    row: str
    """As the paper names it, or close to it."""
    author: str | None = None
    """The model that wrote the skill."""
    mode: Mode | None = None
    """None for other systems, and for none in particular."""
    signal: Signal | None = None
    method: str | None = None
    """How the skill was made, where a table compares ways; None is the paper's own way."""
    user: str | None = None
    """The model that ran with the skill; None for an average over users, and for times."""
    benchmark: str
    value: float
    """In `unit`; of rows given as differences: baseline plus `delta`."""
    delta: float | None = None
    std: float | None = None
    unit: Literal["%", "", "min"] = "%"

    @property
    def line(self) -> tuple[str, str, str, str | None]:
        """Rows that stand in one line of their table."""
        return self.table, self.version, self.row, self.user


class PaperTables(BaseModel, frozen=True):
    rows: tuple[PaperRow, ...]


def load_rows(file: Path = TABLES) -> tuple[PaperRow, ...]:
    """Raises ContractError naming the file and the row."""
    return read_record(PaperTables, file).rows
