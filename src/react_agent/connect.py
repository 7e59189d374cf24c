"""From a script's flags to a model: endpoint, cassette or cache, and the sampling settings."""

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from react_agent.api_chat import ApiChatConfig, ApiChatEndpoint
from react_agent.budget import Capped, open_budget
from react_agent.cache import ReplyCache
from react_agent.cassette import Recorder, Replayer
from react_agent.diskspace import MIB, Watch, written
from react_agent.endpoint import OpenAIEndpoint, find_base_url, find_key, on_azure
from react_agent.errors import ContractError, DiskLow, TimeUsedUp
from react_agent.files import digest
from react_agent.generation import GenerationConfig
from react_agent.limiter import Limiter
from react_agent.model import Body, ChatModel, Reply, Transport
from react_agent.retry import RetryPolicy, Stats


def connect(
    args: argparse.Namespace,
    *,
    masks: Mapping[str, str] | None = None,
    policy: RetryPolicy | None = None,
    transport: Transport | None = None,
    shared: "Shared | None" = None,
) -> "Connection":
    """What the flags of `cli.add_model_flags` ask for. `transport` answers in place of them all.

    On a cassette the current directory is masked besides `masks`, as paths below it are common.

    Raises ContractError before any work: no key, no model, settings or files that do not fit.
    """
    here = Path.cwd()
    usual = {"<here>": str(here)} if len(here.parts) > 1 else {}
    return Connection(args, {**usual, **(masks or {})}, policy, transport, shared)


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
        args: argparse.Namespace,
        masks: Mapping[str, str],
        policy: RetryPolicy | None,
        transport: Transport | None,
        shared: Shared | None = None,
    ) -> None:
        self.limiter = Limiter(shared.workers if shared else _workers(args))
        self.stats = Stats(limiter=self.limiter)
        self.config = GenerationConfig.load(args.generation_config)
        self._args, self._masks, self._shared = args, masks, shared
        self._name = args.model or ""
        self._defaults: dict[str, Any] = {"temperature": args.default_temperature}
        self._described: dict[str, Any] = {"source": "scripted"}
        self._stack = AsyncExitStack()
        endpoint = None if transport or args.replay else self._endpoint(policy)
        if not self._name:
            raise ContractError("no model: give --model or set OPENAI_MODEL")
        own = hasattr(args, "budget") and not shared
        self.budget = open_budget(args, self._name) if own else None
        if transport is not None:
            self.transport: Transport = self._capped(_Counted(transport, self.stats, self.limiter))
        elif endpoint is not None:
            self.transport = self._live(endpoint)
        else:
            self.transport = self._replay()
        self.parameters = self.config.parameters(
            temperature=getattr(args, "temperature", None),
            default_temperature=self._defaults.pop("temperature", None),
        )

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
        return {"model": self._name, "generation": generation, **self._described}

    def _replay(self) -> Transport:
        if self._args.record or self._args.reply_cache:
            raise ContractError("--replay goes without --record and --reply_cache")
        path = Path(self._args.replay)
        replayer = Replayer(path, self._masks)
        self._described = {
            "source": "replay",
            "cassette": digest(path.read_bytes()),
            "origin": replayer.header.origin,
        }
        return self._capped(_Counted(replayer, self.stats, self.limiter))

    def _live(self, endpoint: OpenAIEndpoint | ApiChatEndpoint) -> Transport:
        args = self._args
        self._described = {
            "source": "live",
            "client": endpoint.client,
            "endpoint": endpoint.address,
        }
        self._stack.push_async_exit(endpoint)
        transport = self._capped(endpoint)
        if args.reply_cache:
            folder = Path(args.reply_cache)
            cache = ReplyCache(
                transport,
                folder,
                identity=endpoint.identity,
                stats=self.stats,
                keep_usage=self.budget is not None,
            )
            self._stack.push_async_callback(cache.close)
            transport = cache
        if args.record:
            transport = Recorder(
                transport,
                Path(args.record),
                self._masks,
                origin=f"{self._name} over {endpoint.client}",
                secrets=endpoint.secrets,
            )
        return transport

    def _capped(self, transport: Transport) -> Transport:
        """Below cache and recorder: what they answer costs nothing, and what is paid is kept."""
        if self._shared and self._shared.capped:
            return self._shared.capped(transport)
        return Capped(transport, self.budget) if self.budget else transport

    def _endpoint(self, policy: RetryPolicy | None) -> OpenAIEndpoint | ApiChatEndpoint:
        args = self._args
        given: Any = {
            "timeout": self.config.timeout,
            "policy": policy or RetryPolicy(max_downtime=args.max_downtime),
            "limiter": self.limiter,
            "stats": self.stats,
        }
        if args.llm_client == "api_chat":
            config = ApiChatConfig.load(args.api_chat_config)
            self._name = config.model or self._name
            self._defaults |= config.default_params
            return ApiChatEndpoint(config, **given)
        azure = on_azure(args.base_url)
        key, base = find_key(args.api_key, azure=azure), find_base_url(args.base_url, self._name)
        return OpenAIEndpoint(base, key, azure=azure, **given)

    async def __aenter__(self) -> Self:
        args = self._args
        if (seconds := getattr(args, "max_runtime", None)) is not None:
            started = getattr(args, "started", time.time())
            left = max(0.0, started + seconds - time.time())
            reason = TimeUsedUp(f"the {seconds:g} s of --max_runtime are over")
            timer = asyncio.get_running_loop().call_later(left, self.limiter.end, reason)
            self._stack.callback(timer.cancel)
        watch = Watch(written(args), getattr(args, "min_free_disk", 0) * MIB, self.limiter.end)
        self._stack.callback(watch.stop)
        try:
            watch.start()
        except DiskLow:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


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


def _workers(args: argparse.Namespace) -> int:
    """As the script calls it; 0 where it has none."""
    return getattr(args, "workers", 0) or getattr(args, "max_workers", 0)
