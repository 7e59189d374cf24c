"""How many requests are in flight at once: a window that shrinks under overload and grows back.

One limiter serves all workers of a connection. Who has to wait is served in the order of arrival;
who sleeps between two attempts holds no place.
"""

import asyncio
import math
from collections import deque

from react_agent.errors import RunStopped

FEWEST, MOST = 16, 32
"""Answers that the share of refusals is about; more where many are in flight."""
TOO_MANY = 0.4
"""A share of refusals above this means that too much is in flight. Some servers refuse a fifth of
all requests whatever the load; sending less would gain nothing there."""
LONG_PAUSE = 1.0
"""A server that asks for this many seconds or more is believed at once."""
CUT = 0.7
"""What is left of the window; half would leave a third of a server's places empty on average."""
STEPS = 16
"""Into so many the way to the cap is parted; a step for each round trip. The first after a cut are
smaller, since the capacity is probably near."""


class Limiter:
    """At most `cap` requests at a time (0: as many as wanted), fewer while the server refuses.

    The window is cut at most once for the requests of one round trip: a request that was sent
    before the last cut says nothing about the window since.
    """

    def __init__(self, cap: int = 0) -> None:
        self.cap = cap or math.inf
        self.window: float = self.cap
        self.in_flight = 0
        self.held = False
        """Nothing is sent but what `let_one` lets through."""
        self._passes = 0
        self._paused_until = 0.0
        self._cuts, self._share, self._step = 0, 0.0, 1.0
        self._peak = self._most = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._over = asyncio.Event()
        self._reason: RunStopped | None = None

    def __str__(self) -> str:
        """The window beside its cap; empty while it is not below."""
        if self.window >= self.cap:
            return ""
        return f"{int(self.window)}/{self.cap}" if self.cap < math.inf else str(int(self.window))

    async def enter(self) -> int:
        """Wait for a place; the number is for `answered` and `refused`. Raises RunStopped."""
        if self._admits():  # then nobody waits: who could go has been let go
            self._admit()
        else:
            await self._wait()
        return self._cuts

    def leave(self) -> None:
        self.in_flight -= 1
        self._wake()

    def answered(self, entered: int) -> None:
        """The server took the request: the window grows by a step for each round trip."""
        if entered == self._cuts:
            self._share -= self._share * self._newest()
        if self.window < self.cap:
            ceiling = self.cap if self.cap < math.inf else self._most
            self._step = min(self._step * (1 + 1 / self.window), max(1.0, ceiling / STEPS))
            self.window += self._step / self.window
            if self.window >= ceiling:
                self.window = self.cap

    def refused(self, entered: int, pause: float = 0.0) -> None:
        """The server is overloaded, or says so by asking for a pause, which holds for everybody."""
        if pause > 0:
            self._pause(pause)
        if entered != self._cuts:
            return
        self._share += (1 - self._share) * self._newest()
        if self._share > TOO_MANY or pause >= LONG_PAUSE:
            self.window = max(1.0, CUT * min(self.window, self._peak))
            self._cuts, self._share, self._step = self._cuts + 1, 0.0, 1.0
            self._peak = self.in_flight

    def hold(self) -> None:
        self.held, self._passes = True, 0

    def let_one(self) -> None:
        """While held: the first in the queue may go, or else the next to come."""
        self._passes = 1
        self._wake()

    def go_on(self) -> None:
        self.held = False
        self._wake()

    def end(self, reason: RunStopped) -> None:
        """Nothing is sent any more; what is in flight may finish."""
        if self._reason:
            return
        self._reason = reason
        self._over.set()
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(False)
        self._waiting.clear()

    def check(self) -> None:
        """Raises RunStopped once nothing may be sent any more."""
        if self._reason:
            raise type(self._reason)(str(self._reason))

    async def sleep(self, seconds: float) -> None:
        """Until then, or until the end."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    def _newest(self) -> float:
        """Weight of the newest answer in the share of refusals."""
        return 1 / min(MOST, max(FEWEST, self.window / 2))

    def _admits(self) -> bool:
        if self.held or self._reason:
            return self._passes > 0 and not self._reason
        return self.in_flight + 1 <= self.window and not self._paused_until

    def _admit(self) -> None:
        if self.held:
            self._passes -= 1
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)
        self._most = max(self._most, self.in_flight)

    async def _wait(self) -> None:
        self.check()
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        if not turn.result():
            self.check()

    def _wake(self) -> None:
        while self._waiting and self._admits():
            turn = self._waiting.popleft()
            if not turn.done():
                self._admit()
                turn.set_result(True)

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if until > self._paused_until:
            self._paused_until = until
            loop.call_at(until, self._resume, until)

    def _resume(self, until: float) -> None:
        if until == self._paused_until:
            self._paused_until = 0.0
            self._wake()
