"""A model, a harness or an evaluator that is a Python object, under a name that settings can say.

    offer_model("mine", ask)
    await run(Rollouts(..., model=ModelSettings(model="m", llm_client="mine")))

What is offered is known to this process alone, so not to workers on a cluster.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from react_agent.domains.own_tasks import OwnTasks
from react_agent.domains.text_answer import Judged
from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Equipment
from react_agent.model import Body, Message, Reply
from react_agent.models.providers.opening import Asked, Opened, Patience
from react_agent.registry import DOMAINS, HARNESSES, PROVIDERS, offer
from react_agent.seams import Reading, Trajectory, Workspace


class Ask(Protocol):
    """A model. `messages` as chat-completions has them; `sampling` is what settings say."""

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], sampling: Mapping[str, Any]
    ) -> str | Reply:
        """Raises a ModelError for what the run should know as one (react_agent/errors.py)."""
        ...


class Work(Protocol):
    """A harness: does one task in its folder, outside of any sandbox of ours."""

    async def __call__(self, task: str, folder: Path, skill: Path | None) -> str:
        """What it said; its answer lies where the task asks for it. An exception ends this
        case alone, which is owed then: the same call again does it anew."""
        ...


class Judge(Protocol):
    """An evaluator."""

    async def __call__(self, task_id: str, answer: str) -> float:
        """From 0 to 1, which alone is solved."""
        ...


def offer_model(name: str, ask: Ask) -> str:
    """For `llm_client`; the name comes back. Caps, cassettes and the reply cache stand around it
    as around others."""

    def opened(asked: Asked, patience: Patience) -> Opened:
        return Opened(_Asking(name, ask, patience), asked.model)

    return offer(PROVIDERS, name, opened)


def offer_harness(name: str, work: Work) -> str:
    """For `AgentSettings.harness`."""
    return offer(HARNESSES, name, lambda choice: _Kind(name, work, choice.agent != "cli_only"))


def offer_evaluator(name: str, judge: Judge) -> str:
    """For `domain`: the tasks of a file of one's own (docs/your_tasks.md), judged by `judge` in
    place of the truth that stands there."""

    class Judging(OwnTasks):
        async def judged(self, task_id: str, answer: str) -> Judged:
            score = float(await judge(task_id, answer))
            if not 0 <= score <= 1:
                raise ContractError(f"{name}: task {task_id}: {score} is no score from 0 to 1")
            return Judged(score, score == 1, score == 1, "" if score == 1 else f"scored {score:g}")

    Judging.name = name

    def opened(path: Path, reading: Reading | None = None) -> Judging:
        return Judging(path, reading)

    return offer(DOMAINS, name, opened)


class _Asking:
    """The transport over an Ask."""

    def __init__(self, name: str, ask: Ask, patience: Patience) -> None:
        self.client, self.identity, self.address = name, name, "in this process"
        self.secrets: tuple[str, ...] = ()
        self.ask, self.patience = ask, patience

    async def send(self, body: Body) -> Reply:
        self.patience.limiter.check()
        sampling = {key: value for key, value in body.items() if key != "messages"}
        with self.patience.stats.flying():
            said = await self.ask(body["messages"], sampling)
        reply = said if isinstance(said, Reply) else Reply(text=said)
        reply = reply.model_copy(update={"usage": reply.usage.model_copy(update={"calls": 1})})
        self.patience.stats.answered(reply)
        return reply

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ended: object) -> None: ...


@dataclass(frozen=True)
class _Kind:
    name: str
    work: Work
    with_skill: bool
    with_model: bool = False
    protocol: str = ""
    preloads: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"harness": self.name}

    def open(self, equipment: Equipment) -> "_Working":
        return _Working(self, equipment)


class _Working:
    """The harness over a Work."""

    def __init__(self, kind: _Kind, equipment: Equipment) -> None:
        self.kind, self.equipment, self.name = kind, equipment, kind.name

    async def run(self, workspace: Workspace) -> Trajectory:
        task, skill = self.equipment.task(workspace), self.equipment.skill
        folder, started = skill.root.resolve() if skill else None, time.monotonic()
        said = [Message(role="user", content=task)]
        try:
            words = await self.kind.work(task, workspace.folder, folder)
        except Exception as error:  # whatever a user's agent raises is the end of its case alone
            why = f"{type(error).__name__}: {error}"
            return Trajectory(said, "crash", turns=1, error=why, seconds=_since(started))
        said.append(Message(role="assistant", content=words))
        return Trajectory(said, "completed", turns=1, error="", seconds=_since(started))


def _since(started: float) -> float:
    return time.monotonic() - started
