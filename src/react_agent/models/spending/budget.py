"""Caps on calls, tokens and dollars that hold over every start and every stage that share a file.

The file is JSON lines: a call is noted before it is sent, with what it is expected to use, and once
more when its reply says what it did use. A call that a kill, a cancellation or the network cut off
stays with its estimate, since the endpoint may have charged for it. Nothing is sent that would pass
a cap; what is in flight is let finish. Replies can be longer than expected, so tokens and dollars
may end above their caps by the replies that were then in flight; calls never do.
"""

import fcntl
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from react_agent.errors import (
    BudgetReached,
    ContractError,
    InfrastructureError,
    ModelError,
    RunStopped,
)
from react_agent.files import lock
from react_agent.layout import BUDGET
from react_agent.model import Body, Reply, Transport, Usage
from react_agent.models.spending.prices import Prices
from react_agent.models.spending.settings import BudgetSettings

CHARS_PER_TOKEN = 3
IMAGE_TOKENS = 1_500
"""Few, so that a prompt is rather taken for too long than for too short."""


class Line(BaseModel):
    """One line: a call about to be sent, or, with `paid`, what it has cost."""

    model_config = ConfigDict(frozen=True)

    call: str
    model: str
    usage: Usage
    paid: bool = False


@dataclass
class Spent:
    """What the lines of a budget file add up to."""

    paid: defaultdict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    """By model."""
    open: dict[str, Line] = field(default_factory=dict)
    """Sent, and no reply noted: in flight, or cut off."""

    def add(self, line: Line) -> None:
        if line.paid:
            self.open.pop(line.call, None)
            self.paid[line.model] += line.usage
        else:
            self.open[line.call] = line

    def by_model(self) -> dict[str, Usage]:
        total = defaultdict(Usage, self.paid)
        for line in self.open.values():
            total[line.model] += line.usage
        return dict(total)

    def usage(self) -> Usage:
        return sum(self.by_model().values(), Usage())

    def usual_reply(self, model: str) -> int:
        done = self.paid[model]
        return done.completion_tokens // max(1, done.calls)


class Budget:
    """One budget file, shared by any number of processes."""

    def __init__(self, path: Path, caps: BudgetSettings, prices: Prices) -> None:
        self.path, self.caps, self.prices = path, caps, prices
        self.spent = Spent()
        self._read = 0
        self._names = (f"{uuid4().hex[:12]}-{number}" for number in itertools.count(1))

    def reserve(self, body: Body) -> Line:
        """Note a call that is about to be sent. Raises BudgetReached when a cap forbids it."""
        return self.note(str(body["model"]), prompt_tokens(body))

    def note(self, model: str, prompt: int) -> Line:
        with self._locked() as file:
            reply = self.spent.usual_reply(model)
            expected = Usage(calls=1, prompt_tokens=prompt, completion_tokens=reply)
            line = Line(call=next(self._names), model=model, usage=expected)
            self._check(line)
            self._write(file, line)
        return line

    def settle(self, line: Line, usage: Usage) -> None:
        with self._locked() as file:
            self._write(file, line.model_copy(update={"usage": usage, "paid": True}))

    def check_prices(self, model: str) -> None:
        """Raises ContractError when there is a cap in dollars and no way to count them."""
        if self.caps.max_cost is not None:
            with self._locked():
                self._dollars({**self.spent.by_model(), model: Usage()})

    def _dollars(self, used: Mapping[str, Usage]) -> float:
        """What counts towards a cap; stages that share the file may ask other models at any time.

        Raises ContractError as `check_prices`.
        """
        if self.caps.max_cost is None:
            return 0.0
        cost = self.prices.cost(used)
        if cost is None:
            unknown = next(model for model in used if not self.prices.find(model))
            raise ContractError(
                f"--max_cost: no price is known for {unknown}; give its prices with --prices "
                "(a file as config/prices.json, or PROMPT,REPLY in dollars per million tokens)"
            )
        return cost

    def _check(self, line: Line) -> None:
        after = self.spent.by_model()
        after[line.model] = after.get(line.model, Usage()) + line.usage
        total = sum(after.values(), Usage())
        cost = self._dollars(after)
        caps = self.caps
        if caps.max_calls is not None and total.calls > caps.max_calls:
            reached = f"{caps.max_calls:,} calls"
        elif caps.max_tokens is not None and total.tokens > caps.max_tokens:
            reached = f"{caps.max_tokens:,} tokens"
        elif caps.max_cost is not None and cost > caps.max_cost:
            reached = f"${caps.max_cost:,.2f}"
        else:
            return
        raise BudgetReached(f"the cap of {reached} is reached ({self.path})")

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The file, with all that other processes have written taken in."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            lock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            fresh = file.read()
            if fresh and not fresh.endswith(b"\n"):  # torn by a kill: what it noted was not sent
                file.write(b"\n")
            for line in _lines(fresh.splitlines()):
                self.spent.add(line)
            self._read = file.seek(0, os.SEEK_END)
            yield file

    def _write(self, file: IO[bytes], line: Line) -> None:
        file.write(line.model_dump_json(exclude_defaults=True).encode() + b"\n")
        file.flush()
        self._read = file.tell()
        self.spent.add(line)


class Capped:
    """A Transport that asks the budget before every call."""

    def __init__(self, inner: Transport, budget: Budget) -> None:
        self.inner, self.budget = inner, budget

    async def send(self, body: Body) -> Reply:
        """Raises BudgetReached, and what the inner transport raises."""
        line = await self.reserve(body)
        try:
            reply = await self.inner.send(body)
        except InfrastructureError:
            raise  # an attempt that timed out may be charged for: the estimate stays
        except RunStopped as stop:
            if not stop.sent:
                await self.settle(line, Usage())
            raise
        except ModelError:
            await self.settle(line, Usage(calls=1))  # refused: nothing was generated
            raise
        await self.settle(line, _used(line, reply))
        return reply

    async def reserve(self, body: Body) -> Line:
        return self.budget.reserve(body)

    async def settle(self, line: Line, usage: Usage) -> None:
        self.budget.settle(line, usage)


def prompt_tokens(body: Body) -> int:
    """As expected, before the endpoint has counted them."""
    contents = [message["content"] for message in body["messages"]]
    parts = [part for one in contents if not isinstance(one, str) for part in one]
    texts = [one for one in contents if isinstance(one, str)]
    texts += [part["text"] for part in parts if "text" in part]
    images = sum("text" not in part for part in parts)
    return sum(map(len, texts)) // CHARS_PER_TOKEN + images * IMAGE_TOKENS


def _used(line: Line, reply: Reply) -> Usage:
    """Some endpoints count no tokens; then the text is what there is to go by."""
    counted = reply.usage
    if counted.prompt_tokens or counted.completion_tokens:
        return counted.model_copy(update={"calls": 1})
    length = len(reply.text) + len(reply.reasoning)
    return line.usage.model_copy(update={"completion_tokens": length // CHARS_PER_TOKEN})


def read_spent(path: Path) -> Spent:
    """What a budget file says, damaged lines passed over."""
    spent = Spent()
    for line in _lines(path.read_bytes().splitlines()) if path.exists() else ():
        spent.add(line)
    return spent


def open_budget(settings: BudgetSettings, model: str, folder: Path | None) -> Budget | None:
    """Counts in `folder` unless the settings name a file; None without caps and file.

    Raises ContractError.
    """
    if not (settings.capped or settings.budget):
        return None
    if not (settings.budget or folder):
        raise ContractError("a cap needs a file to count in: give --budget FILE")
    path = settings.budget or Path(folder or "") / BUDGET
    if os.path.lexists(path) and not path.is_file():
        raise ContractError(f"{path}: is no file to count calls in; give --budget FILE")
    budget = Budget(path, settings, Prices.load(settings.prices))
    budget.check_prices(model)
    return budget


def _lines(lines: Iterable[bytes]) -> Iterator[Line]:
    for text in lines:
        try:
            value: Any = json.loads(text)
            yield Line.model_validate(value)
        except (ValueError, ValidationError, RecursionError):
            continue
