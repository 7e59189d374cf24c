"""What is put before a task: the notes of the most similar other task of the bank."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.memory.bank import Bank
from react_agent.memory.retrieval import ByEmbedding, ByWords, Retrieval
from react_agent.memory.settings import MemorySettings
from react_agent.models.connect import asked_of
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.providers.embeddings import EmbeddingEndpoint
from react_agent.models.providers.known import NO_KEY
from react_agent.models.providers.openai_compatible import find_base_url, find_key
from react_agent.models.providers.opening import Asked, Patience
from react_agent.models.settings import ModelSettings
from react_agent.seams import Task
from react_agent.templates import Prompts

PROMPTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Recalled:
    """What an agent is reminded of."""

    source: str = ""
    """The id of the task that it comes from; empty where none resembles."""
    text: str = ""


class Memory:
    def __init__(self, kind: str, bank: Bank, retrieval: Retrieval) -> None:
        self.tasks = bank.tasks
        self.prompts = Prompts(PROMPTS)
        words = (part for item in sorted(self.prompts.sources().items()) for part in item)
        self.described: Mapping[str, Any] = {
            "name": kind,
            "bank": bank.digest,
            "lessons": bank.signals,
            "written_by": sorted({entry.model for entry in bank.entries if entry.items}),
            "prompts": digest(*words),
            **retrieval.described,
        }
        self._retrieval = retrieval

    async def recall(self, task: Task) -> Recalled:
        """Never of the task itself, nor of one that says the same.

        Raises ContractError, ModelError."""
        scores = await self._retrieval.scores(task.instruction)
        others = [
            (score, earlier)
            for score, earlier in zip(scores, self.tasks, strict=True)
            if earlier.task != task.id and _same(earlier.text) != _same(task.instruction)
        ]
        score, nearest = max(others, key=lambda one: one[0], default=(0.0, None))
        if nearest is None or score <= 0:
            return Recalled()
        return Recalled(nearest.task, self.prompts.render("memory.j2", items=nearest.items))


def _same(text: str) -> str:
    return " ".join(text.split()).casefold()


@asynccontextmanager
async def open_memory(
    settings: MemorySettings, model: ModelSettings
) -> AsyncIterator[Memory | None]:
    """`model` says where and with what patience to ask, where the memory's settings do not.

    Raises ContractError for a bank that is absent or empty, ModelError where the endpoint of the
    embeddings cannot serve.
    """
    if settings.memory == "none":
        if settings.memory_bank:
            raise ContractError("--memory_bank goes with --memory reasoningbank")
        yield None
        return
    if settings.memory_bank is None:
        raise ContractError(f"--memory {settings.memory} needs --memory_bank FILE")
    retrieval = _by_embedding(settings, model) if settings.embedding_model else ByWords()
    memory = Memory(settings.memory, Bank.load(settings.memory_bank), retrieval)
    try:
        await retrieval.open([task.text for task in memory.tasks])
        yield memory
    finally:
        await retrieval.close()


def _by_embedding(settings: MemorySettings, model: ModelSettings) -> ByEmbedding:
    bank, name = settings.memory_bank, settings.embedding_model
    assert bank
    assert name
    cache = settings.embedding_cache or bank.with_name(f"{bank.name}.embeddings")

    def endpoint() -> EmbeddingEndpoint:
        asked = asked_of(model, name)
        if settings.embedding_base_url:  # another server: it never gets to see the model's key
            asked = Asked(name, settings.embedding_base_url, NO_KEY)
        return EmbeddingEndpoint(
            find_base_url(asked.base_url, name),
            find_key(settings.embedding_api_key or asked.api_key),
            Patience(policy=RetryPolicy(max_downtime=model.max_downtime)),
            known=asked.known,
        )

    return ByEmbedding(endpoint, name, cache)
