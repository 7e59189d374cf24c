"""What runs in the processes of a Ray cluster: workers, which take cases, and the ledger of calls
that counts for all of them. Nothing here imports Ray, so a worker's site can be tried without it.
"""

import asyncio
import os
import pickle
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from react_agent.engines.bench import Bench, Site
from react_agent.errors import ContractError, ModelError, Trace2SkillError
from react_agent.model import Body, Transport, Usage
from react_agent.models.connect import Shared
from react_agent.models.patience.retry import Stats
from react_agent.models.spending.budget import Capped, Line, open_budget, prompt_tokens
from react_agent.models.spending.settings import BudgetSettings


@dataclass(frozen=True)
class Opening:
    """How a worker begins: where, with what environment, and what proves the folders shared."""

    folder: str
    environment: Mapping[str, str] = field(repr=False)
    tokens: Mapping[str, str]
    """Files and what the driver has written into them."""
    share: int
    """How many cases it is to have in flight while none of the others is lost."""
    site: bytes = field(repr=False)
    """Pickled once more, as it reads files when it is built, and that has to wait for `folder`."""


@dataclass(frozen=True)
class Answer:
    """What a worker says; a failure that the queue knows is data, so that it stays what it is."""

    value: Any = None
    error: Trace2SkillError | None = None
    stats: Stats = field(default_factory=Stats)
    """Of the worker since it was opened."""


class CallLedger:
    """The caps of all workers: a call is noted here before it is sent, whoever sends it.

    Lost and started again it reads the budget file, where what was in flight stands as it was
    expected; so a call can be counted twice, but none is sent that passes its cap.
    """

    def __init__(self, folder: str, settings: BudgetSettings, counted: Path, model: str) -> None:
        os.chdir(folder)
        self._budget = open_budget(settings, model, counted)

    def reserve(self, model: str, prompt: int) -> Line | ModelError:
        assert self._budget is not None
        try:
            return self._budget.note(model, prompt)
        except ModelError as reached:
            return reached

    def settle(self, line: Line, usage: Usage) -> None:
        assert self._budget is not None
        self._budget.settle(line, usage)


class LedgerCapped(Capped):
    """Capped, with the budget in the ledger."""

    def __init__(self, inner: Transport, ledger: Any) -> None:
        self.inner, self.ledger = inner, ledger

    async def reserve(self, body: Body) -> Line:
        noted = await self.ledger.reserve.remote(str(body["model"]), prompt_tokens(body))
        if isinstance(noted, ModelError):
            raise noted
        line: Line = noted
        return line

    async def settle(self, line: Line, usage: Usage) -> None:
        await self.ledger.settle.remote(line, usage)


class Worker:
    """The site, opened in this process, and the cases that it works on."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self, opening: Opening, ledger: Any) -> Answer:
        """Gives the settings as they are here, so that the driver can compare them."""
        try:
            _check_shared(opening)
            os.environ.update(opening.environment)
            site: Site[Any, Any] = pickle.loads(opening.site)
            capped = (lambda inner: LedgerCapped(inner, ledger)) if ledger else None
            shared = Shared(opening.share, capped)
            self._bench: Bench[Any, Any] = await self._stack.enter_async_context(site.open(shared))
        except Trace2SkillError as error:
            return Answer(error=ContractError(f"{socket.gethostname()}: {error}"))
        return Answer(dict(self._bench.settings))

    async def work(self, item: Any) -> Answer:
        task = asyncio.ensure_future(self._bench.work(item))
        self._tasks.add(task)
        try:
            return Answer(await task, stats=self._bench.stats)
        except Trace2SkillError as error:
            return Answer(error=error, stats=self._bench.stats)
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """Cases in flight are cancelled; their sandboxes are closed when this returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()


def _check_shared(opening: Opening) -> None:
    """Raises ContractError where a folder is not the one that the driver has."""
    here = opening.folder
    try:
        os.chdir(here)
        for name, token in opening.tokens.items():
            here = str(Path(name).parent)
            if Path(name).read_text(encoding="utf-8") != token or not os.access(here, os.W_OK):
                raise PermissionError(0, "another one, or not writable")
    except OSError as error:
        raise ContractError(
            f"{here} is not the folder that the driver sees there ({error.strerror}); all "
            "machines have to share the run's folders and the current one under the same paths"
        ) from None
