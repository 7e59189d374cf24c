"""What others have published on the same benchmark, and which of its tasks cannot be believed."""

from pathlib import Path

from pydantic import BaseModel

from react_agent.configfile import read_record

PUBLISHED = Path(__file__).with_name("published.json")


class Figure(BaseModel, frozen=True, extra="forbid"):
    """A number on SpreadsheetBench Verified, in percent, that somebody else gives."""

    system: str
    model: str = ""
    """Empty where the source at hand does not say."""
    value: float
    to: float | None = None
    """The upper end, where a source gives a span."""
    std: float | None = None
    tasks: str
    source: str


class Place(BaseModel, frozen=True):
    """A number of the user's own among the published figures, whatever model it is of."""

    path: str
    value: float
    """Percent of the tasks that were scored, the mean over seeds."""
    std: float | None = None
    tasks: str


class GoldFault(BaseModel, frozen=True, extra="forbid"):
    """A task of Verified whose gold workbook decides otherwise than a reader would."""

    task: str
    half: str
    """Of the paper's split, by position."""
    finding: str
    rules: str
    """By which the finding holds."""


class Published(BaseModel, frozen=True, extra="forbid"):
    note: str
    figures: tuple[Figure, ...]
    gold: tuple[GoldFault, ...]


def load_published() -> Published:
    return read_record(Published, PUBLISHED)
