"""What the doctor is asked to look at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.bundled import MINI
from react_agent.settings import Settings, setting
from spreadsheet_agent import SKILLS


@dataclass(frozen=True, kw_only=True)
class Doctor(Settings):
    """The machine, the endpoint, the skill and the data set of a run to come."""

    data_path: Path = setting("data set to audit", MINI)
    start_idx: int = setting("first record of the slice", 0, least=0)
    end_idx: int | None = setting("record after the last of the slice", None, least=0)
    skills_dir: Path = setting("skill, or folder of skills", SKILLS)
    skill: str | None = setting("which one of several", None)
    base_url: str | None = setting("endpoint; else OPENAI_BASE_URL, else OpenAI's own", None)
    provider: str | None = setting("known endpoint by name (docs/providers.md)", None)
    api_key: str | None = setting("key, never shown; else OPENAI_API_KEY", None, secret=True)
    model: str | None = setting("look whether the endpoint lists it", None)
    no_endpoint: bool = setting("leave the endpoint alone", False)
    output_dir: Path = setting("where results go", Path("outputs"))
    workers: int = setting("cases in flight of the run", 128, least=1)
    sandbox: Literal["auto", "bwrap", "none"] = setting("where the agent's shell runs", "auto")
    json: bool = setting("for machines: everything, to stdout", False)
