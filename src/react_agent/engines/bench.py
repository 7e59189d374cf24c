"""Where cases are worked on: in this process, or by an engine that runs on many machines.

A *site* says how to set up a place of work; it can be pickled, and any process that sees the same
folders can open it. Opened it is a *bench*, which takes one item after the other. The queue knows
benches only, so what waits, what is kept and when to stop is the same wherever the work is done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from react_agent.errors import Trace2SkillError
from react_agent.models.connect import Shared
from react_agent.models.patience.retry import Stats

In = TypeVar("In")
Out = TypeVar("Out")


class CaseLost(Trace2SkillError):
    """Every process that took up the case ended under it."""


@dataclass
class Bench(Generic[In, Out]):
    work: Callable[[In], Awaitable[Out]]
    settings: Mapping[str, Any]
    """All that decides a result as this process sees it, so that two benches can be compared."""
    stats: Stats
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What may differ from bench to bench."""


class Site(Protocol[In, Out]):
    @property
    def folders(self) -> Sequence[Path]:
        """What every process that opens the site has to see and be able to write to."""

    def open(self, shared: Shared | None = None) -> AbstractAsyncContextManager[Bench[In, Out]]:
        """Raises ContractError where flags, data or machine do not fit."""

    def with_tool_slots(self, slots: int) -> "Site[In, Out]":
        """The same, with at most so many shell commands at once where its settings do not say."""


class EngineLost(Trace2SkillError):
    """The cluster has no process left that could work; what is finished is kept."""

    owed = True
