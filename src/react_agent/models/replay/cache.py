"""Reuse replies to identical requests, over many runs and several processes.

The key is everything that decides a reply: the client, the endpoint's address, and the whole body
with its sampling settings and seed. Replies that were cut off or came without text are not kept:
they would be replayed for ever. A hit costs nothing, so its usage is zero and `cached` is set;
the tokens were counted by the run that paid for them. Where a budget file counts what is paid
(`keep_usage`), a hit says what it took when it was paid: a run that was broken off and goes on then
has the same figures as an unbroken one.

The folder is as trusted as the code: its database may hold pickled values. Use one that only you
can write to.
"""

import asyncio
import fcntl
import logging
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import diskcache
from pydantic import ValidationError

from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.model import Body, Reply, Transport, Usage
from react_agent.models.patience.retry import Stats
from react_agent.models.replay.cassette import canonical
from react_agent.threads import contained

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class ReplyCache:
    """A Transport in front of another. `identity` names what answers, and where."""

    def __init__(
        self,
        inner: Transport,
        folder: Path,
        *,
        identity: str,
        stats: Stats | None = None,
        keep_usage: bool = False,
    ) -> None:
        self.keep_usage = keep_usage
        self.inner, self.identity, self.stats = inner, identity, stats or Stats()
        # SQLite may wait for another process: never on the event loop. One thread, one connection.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reply-cache")
        try:
            self._cache = self._thread.submit(open_cache, folder).result()
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            self._thread.shutdown()
            raise ContractError(f"--reply_cache {folder}: cannot be used: {error}") from None

    async def send(self, body: Body) -> Reply:
        key = digest(self.identity, canonical(body))
        stored = await self._in_thread(lambda: self._cache.get(key))
        if hit := _reply(stored):
            self.stats.cache_hits += 1
            usage = hit.usage if self.keep_usage else Usage()
            return hit.model_copy(update={"usage": usage, "cached": True})
        reply = await self.inner.send(body)
        if reply.text.strip() and not reply.cut_off:
            value = reply.model_dump_json()
            await self._in_thread(lambda: self._cache.set(key, value))
        return reply

    async def close(self) -> None:
        await self._in_thread(self._cache.close)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], Result]) -> Result | None:
        """A cache that fails costs a request, never a run."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, contained, work)
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            log.warning("the reply cache failed and is passed over: %s", error)
            return None


def open_cache(folder: Path) -> Any:
    """A diskcache.Cache. Raises OSError, sqlite3.Error, diskcache.Timeout."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as probe:
        try:  # SQLite would try for two minutes, and then say that somebody else has it locked
            fcntl.lockf(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise sqlite3.OperationalError(
                f"its disk cannot lock files ({error.strerror}); put it on a local disk"
            ) from None
    # Money was paid for every entry: nothing is thrown out by age or size.
    return diskcache.Cache(str(folder), eviction_policy="none", size_limit=2**40)


def _reply(stored: object) -> Reply | None:
    try:
        return Reply.model_validate_json(stored) if isinstance(stored, str) else None
    except ValidationError:
        return None
