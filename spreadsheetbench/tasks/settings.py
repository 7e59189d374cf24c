"""Settings of what is done with data sets. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import Settings, setting

SplitName = Literal["published", "stratified", "kfold"]
LOCK = "SOURCES.lock.json"


@dataclass(frozen=True, kw_only=True)
class Splits(Settings):
    """A data set divided into lists of task ids."""

    data_path: Path = setting("data set directory or index")
    split: SplitName = setting("how to divide", "published")
    seed: int = setting("of the drawing; published draws nothing", 0)
    folds: int | None = setting("that many parts; stands for --split kfold", None, least=1)
    output: Path | None = setting("write the lists as JSON", None, unit="FILE")
    part: str | None = setting("print one part's ids alone", None, flag="print", unit="PART")


@dataclass(frozen=True, kw_only=True)
class Fetch(Settings):
    """A data set from its public home."""

    set: Literal["verified", "full"] = setting(
        "verified: the 400 tasks of the paper; full: all 912", "verified"
    )
    into: Path = setting("where data sets lie", Path("data"))
    source: str | None = setting(
        "take it from here, not from its public home: the archive, or a folder with the archive "
        "or with the data set",
        None,
        flag="from",
        unit="URL_FILE_OR_FOLDER",
    )
    accept_new: bool = setting(f"the archive may differ from {LOCK}; the new hash is noted", False)
