"""A protocol of one's own behind the provider seam: it answers with the last message, reversed."""

from typing import Self

from react_agent.errors import ContractError
from react_agent.model import Body, Reply, Usage
from react_agent.models.providers.opening import Asked, Opened, Patience


class Mirror:
    client, identity, secrets = "mirror", "mirror", ()

    def __init__(self, address: str) -> None:
        self.address, self.open = address, False

    async def send(self, body: Body) -> Reply:
        assert self.open
        return Reply(text=str(body["messages"][-1]["content"])[::-1], usage=Usage(calls=1))

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open = False


def open_mirror(asked: Asked, patience: Patience) -> Opened:
    if not asked.base_url:
        raise ContractError("a mirror hangs somewhere: give --base_url")
    return Opened(Mirror(asked.base_url), f"{asked.model}-mirrored", {"top_k": 3})
