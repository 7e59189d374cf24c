"""What the rest of the code knows about a language model."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic import BaseModel, Field

from react_agent.files import digest

Role = Literal["system", "user", "assistant"]


class TextPart(BaseModel, frozen=True):
    text: str
    type: Literal["text"] = "text"


class ImageUrl(BaseModel, frozen=True):
    url: str
    """`data:<media type>;base64,<bytes>`, or an address that the endpoint can read."""


class ImagePart(BaseModel, frozen=True):
    image_url: ImageUrl
    type: Literal["image_url"] = "image_url"

    @classmethod
    def of(cls, content: bytes, media_type: str = "image/png") -> "ImagePart":
        encoded = base64.b64encode(content).decode("ascii")
        return cls(image_url=ImageUrl(url=f"data:{media_type};base64,{encoded}"))

    @property
    def label(self) -> str:
        """What stands for it where only text can stand."""
        head, _, encoded = self.image_url.url.partition(",")
        if not head.startswith("data:"):
            return f"[image {head}]"
        kind = head.removeprefix("data:").removesuffix(";base64")
        size = len(encoded.rstrip("=")) * 3 // 4
        return f"[image {kind}, {size} bytes, {digest(encoded)[:12]}]"


Part = TextPart | ImagePart
"""One part of a message, in the form in which chat-completions sends it."""


class Message(BaseModel, frozen=True):
    role: Role
    content: str | tuple[Part, ...]
    """Text, in almost all messages; parts where something is shown beside it."""

    @property
    def text(self) -> str:
        """All that can be read, with a label where an image stands."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(p.text if isinstance(p, TextPart) else p.label for p in self.content)


def briefing(system: str, user: str, images: tuple[ImagePart, ...] = ()) -> list[Message]:
    """How a conversation begins; images are shown beside what the user says."""
    shown: str | tuple[Part, ...] = (TextPart(text=user), *images) if images else user
    return [Message(role="system", content=system), Message(role="user", content=shown)]


class Usage(BaseModel, frozen=True):
    """Tokens as the endpoint counted them; add them up with `+`."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """The part of prompt_tokens that the endpoint served from its prefix cache."""
    written_tokens: int = 0
    """The part of prompt_tokens that it put there, where it counts (and charges) that apart."""

    @property
    def tokens(self) -> int:
        """Prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: count + getattr(other, name) for name, count in self})


class Reply(BaseModel, frozen=True):
    """One answer. `text` never holds reasoning; histories are built from it alone."""

    text: str
    reasoning: str = ""
    finish: str = "stop"
    """The endpoint's finish_reason; "length" means the text was cut off."""
    usage: Usage = Field(default_factory=Usage)
    cached: bool = False
    """From the reply cache: paid by an earlier run, so usage is zero unless a budget counts it."""

    @property
    def cut_off(self) -> bool:
        return self.finish == "length"


class Model(Protocol):
    """Anything that answers a conversation. Sampling settings belong to the instance."""

    async def reply(self, messages: Sequence[Message], stop: Sequence[str] = ()) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError)."""


Body = dict[str, Any]
"""A chat-completions request as it is sent: model, messages, sampling parameters, seed, stop."""


class Transport(Protocol):
    """Anything that answers one request body: an endpoint, or a wrapper that records or caches."""

    async def send(self, body: Body) -> Reply: ...


class ChatModel:
    """A model name and its sampling parameters over a transport.

    `parameters` go into every request body as they are (temperature, top_p, ..., and the
    members of `extra_body`); `seed` is added last, so nothing overrides it. What `left_out` names
    is sent by nobody.
    """

    def __init__(
        self,
        transport: Transport,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self.transport, self.name = transport, name
        self.seed = None if "seed" in left_out else seed
        self.parameters, self.left_out = dict(parameters or {}), left_out

    async def reply(self, messages: Sequence[Message], stop: Sequence[str] = ()) -> Reply:
        body: Body = {"model": self.name, "messages": [m.model_dump(mode="json") for m in messages]}
        body.update(self.parameters)
        if stop and "stop" not in self.left_out:
            body["stop"] = [*body.get("stop", ()), *stop]
        if self.seed is not None:
            body["seed"] = self.seed
        return await self.transport.send(body)


class ScriptedModel:
    """Answers from a list, and keeps what it was asked."""

    def __init__(self, *replies: str | Reply | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[list[Message]] = []

    async def reply(self, messages: Sequence[Message], stop: Sequence[str] = ()) -> Reply:
        self.asked.append(list(messages))
        if not self.replies:
            raise AssertionError(f"the script has no reply number {len(self.asked)}")
        answer = self.replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(text=answer, usage=Usage(calls=1))
