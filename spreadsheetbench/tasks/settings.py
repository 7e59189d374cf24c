"""Settings of what is done with data sets. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.runs.settings import DOMAIN, DOMAIN_HELP
from react_agent.settings import Settings, setting

SplitName = Literal["published", "stratified", "kfold"]
LOCK = "SOURCES.lock.json"


@dataclass(frozen=True, kw_only=True)
class Splits(Settings):
    """A data set divided into lists of task ids."""

    data_path: Path = setting("data set directory or index")
    domain: str = setting(DOMAIN_HELP, DOMAIN)
    split: SplitName = setting("how to divide", "published")
    seed: int = setting("of the drawing; published draws nothing", 0)
    folds: int | None = setting("that many parts; stands for --split kfold", None, least=1)
    output: Path | None = setting("write the lists as JSON", None, unit="FILE")
    part: str | None = setting("print one part's ids alone", None, flag="print", unit="PART")
