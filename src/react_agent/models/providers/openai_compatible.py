"""The client for every OpenAI-compatible server: POST {base}/chat/completions."""

import os
from typing import Any

from react_agent.errors import ContractError
from react_agent.model import Body, Reply, Usage
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.refusals import failure_in_reply
from react_agent.models.patience.retry import Stats
from react_agent.models.providers.reasoning import split_reasoning
from react_agent.models.providers.wire import Wire, http_url, shown

OPENAI = "https://api.openai.com/v1"
_ROUTE = "/chat/completions"
_CUT_OFF = {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"}
_BROKEN_OFF = {"abort", "error"}
"""finish_reason of vLLM and SGLang for a request that the server itself ended."""


class OpenAIEndpoint(Wire):
    """A Transport. One instance, and with it one connection pool, serves all workers."""

    client = "openai"

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 600.0,
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        stats: Stats | None = None,
    ) -> None:
        base = http_url(base_url, "the base URL (--base_url, OPENAI_BASE_URL)")
        base = base.with_path(base.path.rstrip("/").removesuffix(_ROUTE), keep_query=True)
        self.address = shown(base)
        key = _header_value(api_key)
        super().__init__(
            base.with_path(base.path.rstrip("/") + _ROUTE, keep_query=True),
            headers={"Authorization": f"Bearer {key}"},
            secrets=(key,),
            timeout=timeout,
            policy=policy,
            limiter=limiter,
            stats=stats,
        )

    async def send(self, body: Body) -> Reply:
        """Raises ModelError (ContextOverflow, InfrastructureError, EndpointRefused, RunStopped)."""
        return await self.ask(body, read_completion)


def find_base_url(flag: str | None) -> str:
    return flag or os.environ.get("OPENAI_BASE_URL") or OPENAI


def find_key(flag: str | None) -> str:
    """Raises ContractError where there is none."""
    key = flag or os.environ.get("OPENAI_API_KEY") or ""
    if not key.strip():
        raise ContractError(
            "no API key: set OPENAI_API_KEY or give --api_key (EMPTY for a local server)"
        )
    return key


def read_completion(payload: Any) -> Reply:
    """The reply in a chat completion. Raises Fault for a body that is none, or is empty."""
    if not isinstance(payload, dict):
        raise Fault("garbled", f"the reply is a JSON {type(payload).__name__}, not an object")
    if error := failure_in_reply(payload):
        raise error
    choices = payload.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Fault("garbled", "the reply has no choices")
    if error := failure_in_reply(choice):
        raise error
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Fault("garbled", "the reply's first choice has no message")
    text, reasoning = split_reasoning(message)
    return finished(text, reasoning, choice.get("finish_reason"), read_usage(payload.get("usage")))


def finished(text: str, reasoning: str, finish: object, usage: Usage) -> Reply:
    """A reply, unless there is nothing in it: a Fault, so that it is asked for again.

    Empty is taken as it is when the endpoint gives a reason that would come again: the token
    limit was spent on hidden reasoning, or a content filter.
    """
    reason = finish if isinstance(finish, str) and finish else "stop"
    if reason in _BROKEN_OFF:
        raise Fault("server", f"the server broke off the reply (finish_reason {reason})")
    if reason in _CUT_OFF:
        reason = "length"
    if not text.strip() and not reasoning and reason not in ("length", "content_filter"):
        hint = "; the server's own tool-call parser took it: switch it off"
        raise Fault("empty", "the reply is empty" + (hint if reason == "tool_calls" else ""))
    return Reply(text=text, reasoning=reasoning, finish=reason, usage=usage)


def read_usage(usage: object) -> Usage:
    """Tokens as far as the endpoint counts them; the call itself always counts."""
    if not isinstance(usage, dict):
        return Usage(calls=1)
    details = usage.get("prompt_tokens_details")
    return Usage(
        calls=1,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _header_value(key: str) -> str:
    """The key without the line break that files and shells leave behind."""
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ContractError("the API key holds characters that no key has; was it pasted whole?")
    return key
