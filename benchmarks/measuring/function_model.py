"""A model whose replies are a function of the conversation."""

from collections.abc import Awaitable, Callable, Sequence

from react_agent.model import Message, Reply, Usage


class FunctionModel:
    """Answers with `policy(messages)`: a scripted agent whose next step depends on what it saw."""

    def __init__(self, policy: Callable[[Sequence[Message]], str | Awaitable[str]]) -> None:
        self.policy = policy

    async def reply(self, messages: Sequence[Message], stop: Sequence[str] = ()) -> Reply:
        answer = self.policy(messages)
        text = answer if isinstance(answer, str) else await answer
        return Reply(text=text, usage=Usage(calls=1))
