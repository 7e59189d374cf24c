"""How alike two tasks are: by vectors of an embedding model, or by the words that they share."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import diskcache

from react_agent.errors import ContractError, EndpointRefused
from react_agent.files import digest
from react_agent.models.providers.embeddings import EmbeddingEndpoint
from react_agent.models.replay.cache import open_cache
from react_agent.threads import in_thread

BATCH = 64
"""Texts in one request."""
QUERY = (
    "Instruct: Given a task for an agent, find the earlier task whose solution teaches most for "
    "it.\nQuery: {}"
)
"""Embedding models that take an instruction expect it in this form, before the query alone."""
HINT = (
    "; name a server of embeddings with --embedding_base_url, or leave out --embedding_model to "
    "find tasks by their words"
)


class ByEmbedding:
    """By the cosine of vectors; each text is sent once for each model, whatever the run."""

    def __init__(
        self, endpoint: Callable[[], EmbeddingEndpoint], model: str, cache_folder: Path
    ) -> None:
        """`endpoint` is asked for when the first vector is not at hand."""
        self.described: Mapping[str, Any] = {"retrieval": "embedding", "embedding_model": model}
        self._open_endpoint, self._model, self._folder = endpoint, model, cache_folder
        self._endpoint: EmbeddingEndpoint | None = None
        self._cache: Any = None
        self._rows: Any = None

    async def open(self, texts: Sequence[str]) -> None:
        """Take in the texts to choose from. Raises ContractError, ModelError."""
        import numpy as np

        try:
            self._cache = await in_thread(open_cache, self._folder)
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            raise ContractError(f"--embedding_cache {self._folder}: {error}") from None
        vectors = await self._vectors(texts)
        if len({len(vector) for vector in vectors}) > 1:
            raise ContractError(self._mixed())
        self._rows = np.stack(vectors)

    async def scores(self, text: str) -> Sequence[float]:
        """How near each of them is; 0 or less: not at all. Raises ContractError, ModelError."""
        (vector,) = await self._vectors([QUERY.format(text)])
        if len(vector) != self._rows.shape[1]:
            raise ContractError(self._mixed())
        found: list[float] = (self._rows @ vector).tolist()
        return found

    async def close(self) -> None:
        if self._cache is not None:
            await in_thread(self._cache.close)
        if self._endpoint:
            await self._endpoint.__aexit__()

    async def _vectors(self, texts: Sequence[str]) -> list[Any]:
        """Of unit length."""
        import numpy as np

        keys = {text: digest(self._model, text) for text in texts}
        kept = await in_thread(lambda: {t: self._cache.get(key) for t, key in keys.items()})
        missing = [text for text in keys if not isinstance(kept[text], bytes)]
        for batch in (missing[start : start + BATCH] for start in range(0, len(missing), BATCH)):
            for text, row in zip(batch, await self._ask(batch), strict=True):
                kept[text] = _unit(row)
                await in_thread(self._cache.set, keys[text], kept[text])
        return [np.frombuffer(kept[text], np.float32) for text in texts]

    async def _ask(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self._endpoint = self._endpoint or self._open_endpoint()
        try:
            return await self._endpoint.embed(self._model, texts)
        except EndpointRefused as error:
            error.args = (f"{error}{HINT}",)
            raise

    def _mixed(self) -> str:
        return (
            f"{self._folder}: vectors of {self._model} are of unlike length, as if the name had "
            "stood for several models; remove the folder, or give another --embedding_cache"
        )


class ByWords:
    """By BM25 over words: where there is no embedding model. The paper has one."""

    described: Mapping[str, Any] = {"retrieval": "words"}

    async def open(self, texts: Sequence[str]) -> None:
        self._index, self._texts = await in_thread(_index, texts), len(texts)

    async def scores(self, text: str) -> Sequence[float]:
        known = [word for word in _words([text])[0] if word in self._index.vocab_dict]
        if not known:
            return [0.0] * self._texts
        found: list[float] = self._index.get_scores(known).tolist()
        return found

    async def close(self) -> None:
        return None


def _unit(row: Sequence[float]) -> bytes:
    """The vector at length 1, also where the square of a number would be too large or too small."""
    import numpy as np

    vector = np.asarray(row, np.float64)
    vector = vector / np.abs(vector).max()
    return bytes((vector / np.linalg.norm(vector)).astype(np.float32).tobytes())


def _index(texts: Sequence[str]) -> Any:
    import bm25s  # late: a second of imports

    index = bm25s.BM25()
    index.index(_words(texts), show_progress=False)
    return index


def _words(texts: Sequence[str]) -> Any:
    import bm25s

    return bm25s.tokenize(
        list(texts), stopwords="en", return_ids=False, show_progress=False, leave=False
    )


Retrieval = ByEmbedding | ByWords
