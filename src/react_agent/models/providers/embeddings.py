"""Vectors of texts from an OpenAI-compatible server, with the patience of the chat client."""

from collections.abc import Sequence
from typing import Any

from react_agent.errors import EndpointRefused
from react_agent.model import Reply
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import sound
from react_agent.models.providers.openai_compatible import OpenAIEndpoint, read_usage

Vector = tuple[float, ...]
LARGEST = 1e300
"""Of a number in a vector; beyond are those that are not finite, and whole ones without a float."""


class Embedded(Reply, frozen=True):
    """The answer to one request."""

    vectors: tuple[Vector, ...]


class EmbeddingEndpoint(OpenAIEndpoint):
    route = "/embeddings"

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[Vector, ...]:
        """One vector a text, in their order. Raises ModelError as `send` does."""
        body = {"model": model, "input": list(texts)}
        reply = await self.ask(body, lambda payload: read_vectors(payload, len(texts)))
        assert isinstance(reply, Embedded)
        return reply.vectors


def read_vectors(payload: Any, wanted: int) -> Embedded:
    """Raises Fault for a body that another attempt may mend, EndpointRefused for vectors with
    which nothing can be compared: what the model computes it computes again."""
    payload = sound(payload)
    rows = payload.get("data")
    if not isinstance(rows, list) or len(rows) != wanted:
        found = len(rows) if isinstance(rows, list) else "no"
        raise Fault("garbled", f"the reply has {found} vectors for {wanted} texts")
    places = [row.get("index") if isinstance(row, dict) else None for row in rows]
    if sorted(places, key=str) != sorted(range(wanted), key=str):
        raise Fault("garbled", "the reply does not say which vector is which text's")
    vectors = dict(zip(places, (row.get("embedding") for row in rows), strict=True))
    if not all(_sound(vector) for vector in vectors.values()):
        raise EndpointRefused("the reply holds vectors that are none: empty, zero, or not finite")
    if len({len(vector) for vector in vectors.values()}) > 1:
        raise EndpointRefused("the reply holds vectors of unlike length")
    ordered = tuple(tuple(vectors[place]) for place in range(wanted))
    return Embedded(text="", usage=read_usage(payload.get("usage")), vectors=ordered)


def _sound(vector: object) -> bool:
    if not isinstance(vector, list) or not vector:
        return False
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in vector)
    return numbers and all(abs(x) < LARGEST for x in vector) and any(vector)
