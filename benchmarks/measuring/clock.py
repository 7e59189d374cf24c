"""An event loop whose time is simulated: it jumps to the next timer instead of waiting for it.

Schedulers then show what they do with hours of latency in seconds, and other load on the machine
cannot reach the figure. Only for work that waits on nothing but `asyncio.sleep` and futures.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWaiting(selectors.DefaultSelector):
    """Looks at the sockets and returns at once; the wait goes onto the loop's clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._simulated = _NoWaiting()
        super().__init__(self._simulated)

    def time(self) -> float:
        return self._simulated.now


def simulated(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What `work` gives, and the simulated seconds that it took."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        value = runner.run(work)
        return value, runner.get_loop().time()
