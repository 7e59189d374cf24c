"""From settings to a model: endpoint, cassette or cache, and the sampling settings."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from react_agent.disk import MIB, Watch
from react_agent.errors import ContractError, DiskLow, TimeUsedUp
from react_agent.files import digest
from react_agent.model import Body, ChatModel, Reply, Transport
from react_agent.models.generation import GenerationConfig
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.retry import Stats
from react_agent.models.providers.known import known
from react_agent.models.providers.opening import Asked, Endpoint, OpenProvider, Patience
from react_agent.models.replay.cache import ReplyCache
from react_agent.models.replay.cassette import Recorder, Replayer
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.budget import Capped, open_budget
from react_agent.open_files import allow_for
from react_agent.registry import PROVIDERS, find


@dataclass(frozen=True)
class Shared:
    """What a connection is told that is one of several, each in a process of its own."""

    workers: int
    """Its share of the cases in flight, for a window of its own below the endpoint's limit."""
    capped: Callable[[Transport], Transport] | None = None
    """Puts the caps of all of them around a transport; None: there are no caps."""


class Connection:
    """Gives models for any number of seeds over one shared connection pool; use `async with`."""

    def __init__(
        self,
        settings: ModelSettings,
        *,
        workers: int = 0,
        folders: Sequence[Path] = (),
        masks: Mapping[str, str] | None = None,
        policy: RetryPolicy | None = None,
        transport: Transport | None = None,
        shared: Shared | None = None,
    ) -> None:
        """`transport` answers in place of endpoint and cassette.

        `workers`: calls in flight at the most, 0 without a bound. `folders`: where the stage
        writes; their disks are watched, and calls are counted in the first unless the budget says
        where. On a cassette the current directory is masked besides `masks`, as paths below it are
        common.

        Raises ContractError before any work: no key, no model, settings or files that do not fit.
        """
        allow_for(workers)
        self.limiter = Limiter(shared.workers if shared else workers)
        self.stats = Stats(limiter=self.limiter)
        self.config = GenerationConfig.load(settings.generation_config)
        self._settings, self._folders = settings, folders
        here = Path.cwd()
        usual = {"<here>": str(here)} if len(here.parts) > 1 else {}
        self._masks, self._shared = {**usual, **(masks or {})}, shared
        self._name = settings.model or os.environ.get("OPENAI_MODEL") or ""
        self._defaults: dict[str, Any] = {"temperature": settings.default_temperature}
        self._described: dict[str, Any] = {"source": "scripted"}
        self._stack = AsyncExitStack()
        self._opened: Endpoint | None = None
        policy = policy or RetryPolicy(max_downtime=settings.max_downtime)
        self.patience = Patience(self.config.timeout, policy, self.limiter, self.stats)
        endpoint = None if transport or settings.replay else self._endpoint()
        if not self._name:
            raise ContractError("no model: give --model or set OPENAI_MODEL")
        folder = folders[0] if folders else None
        self.budget = None if shared else open_budget(settings.budget, self._name, folder)
        if transport is not None:
            self.transport: Transport = self.capped(_Counted(transport, self.stats, self.limiter))
        elif endpoint is not None:
            self.transport = self._live(endpoint)
        else:
            self.transport = self._replay()
        as_released = settings.released_temperature if settings.as_released else None
        self.parameters = self.config.parameters(
            temperature=settings.temperature if as_released is None else as_released,
            default_temperature=self._defaults.pop("temperature", None),
        )

    @property
    def name(self) -> str:
        """The model's, as it is sent."""
        return self._name

    def model(self, *, seed: int | None = None) -> ChatModel:
        """A seed given here wins over the generation config's."""
        chosen = self.config.seed if seed is None else seed
        left_out = self.config.left_out
        return ChatModel(
            self.transport, self._name, self.parameters, seed=chosen, left_out=left_out
        )

    def describe(self) -> dict[str, Any]:
        """All that decides replies except the seed; for run.json, so never a key."""
        left_out = dict.fromkeys(sorted(self.config.left_out))
        generation = {**self._defaults, **left_out, **self.parameters}
        released = {"sampling": "as released"} if self._settings.as_released else {}
        return {"model": self._name, "generation": generation, **released, **self._described}

    def _replay(self) -> Transport:
        given = self._settings
        if given.record or given.reply_cache:
            raise ContractError("--replay goes without --record and --reply_cache")
        assert given.replay
        path = Path(given.replay)
        replayer = Replayer(path, self._masks)
        self._described = {
            "source": "replay",
            "cassette": digest(path.read_bytes()),
            "origin": replayer.header.origin,
        }
        return self.capped(_Counted(replayer, self.stats, self.limiter))

    def _live(self, endpoint: Endpoint) -> Transport:
        given = self._settings
        self._described = {
            "source": "live",
            "client": endpoint.client,
            "endpoint": endpoint.address,
        }
        self._opened = endpoint
        self._stack.push_async_exit(endpoint)
        transport = self.capped(endpoint)
        if given.reply_cache:
            cache = ReplyCache(
                transport,
                given.reply_cache,
                identity=endpoint.identity,
                stats=self.stats,
                keep_usage=self.budget is not None,
            )
            self._stack.push_async_callback(cache.close)
            transport = cache
        if given.record:
            transport = Recorder(
                transport,
                given.record,
                self._masks,
                origin=f"{self._name} over {endpoint.client}",
                secrets=endpoint.secrets,
            )
        return transport

    def capped(self, transport: Transport) -> Transport:
        """Below cache and recorder: what they answer costs nothing, and what is paid is kept."""
        if self._shared and self._shared.capped:
            return self._shared.capped(transport)
        return Capped(transport, self.budget) if self.budget else transport

    def _endpoint(self) -> Endpoint:
        settings = self._settings
        asked = asked_of(settings, self._name)
        client = asked.known.client if asked.known else settings.llm_client
        provider: OpenProvider = find(PROVIDERS, "the provider", client)
        opened = provider(asked, self.patience)
        self._name = opened.model
        self._defaults |= opened.defaults
        return opened.endpoint

    async def __aenter__(self) -> Self:
        settings = self._settings
        if self._opened:
            await self._opened.__aenter__()
        if (seconds := settings.max_runtime) is not None:
            left = max(0.0, settings.started + seconds - time.time())
            reason = TimeUsedUp(f"the {seconds:g} s of --max_runtime are over")
            timer = asyncio.get_running_loop().call_later(left, self.limiter.end, reason)
            self._stack.callback(timer.cancel)
        watch = Watch(self._folders, settings.min_free_disk * MIB, self.limiter.end)
        self._stack.callback(watch.stop)
        try:
            watch.start()
        except DiskLow:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self._stack.aclose()


def asked_of(settings: ModelSettings, model: str) -> Asked:
    """Raises ContractError: a provider that is not known, or without its key."""
    base_url, key = settings.base_url, settings.api_key
    if not settings.provider:
        return Asked(model, base_url, key, settings.api_chat_config)
    provider = known(settings.provider)
    if settings.llm_client not in ("openai", provider.client):
        raise ContractError(
            f"--provider {provider.name} speaks {provider.client}: leave --llm_client out"
        )
    return Asked(model, provider.address(base_url), provider.key(key), known=provider)


class _Counted:
    """What an endpoint has and another transport lacks: stats, and the end of a run."""

    def __init__(self, inner: Transport, stats: Stats, limiter: Limiter) -> None:
        self.inner, self.stats, self.limiter = inner, stats, limiter

    async def send(self, body: Body) -> Reply:
        self.limiter.check()
        with self.stats.flying():
            reply = await self.inner.send(body)
        self.stats.answered(reply)
        return reply
