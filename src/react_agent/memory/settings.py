"""What is put before each task, and how it is found. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class MemorySettings(Settings):
    """A bank of notes, and the retrieval of the nearest task's."""

    memory: Literal["none", "reasoningbank"] = setting(
        "put before each task: nothing, or the notes of the most similar earlier task", "none"
    )
    memory_bank: Path | None = setting(
        "the notes, as `trace2skill memory` writes them", None, unit="FILE"
    )
    embedding_model: str | None = setting(
        "finds the most similar task, over /v1/embeddings",
        None,
        default_text="none: by common words, which deviates from the paper",
    )
    embedding_base_url: str | None = setting(
        "endpoint of that model", None, default_text="--base_url"
    )
    embedding_api_key: str | None = setting(
        "its key", None, default_text="the model's, at the model's own address only", secret=True
    )
    embedding_cache: Path | None = setting(
        "vectors by text and model, kept for later runs",
        None,
        unit="DIR",
        default_text="<memory_bank>.embeddings",
    )
