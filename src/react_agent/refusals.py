"""Read an error from an endpoint: is it worth another attempt, this case's end, or the run's?"""

import json
import re
from typing import Any

from react_agent.errors import ContextOverflow, EndpointRefused, ModelError
from react_agent.retry import Fault, FaultKind
from react_agent.text import one_line

OVERFLOW = [
    # vLLM until 0.8, OpenAI, DeepSeek: "This model's maximum context length is 4096 tokens.
    # However, you requested 5000 tokens"
    r"maximum context length is \d+",
    # vLLM since 0.9: "You passed 5000 input tokens and requested 16 output tokens. However, the
    # model's context length is only 4096 tokens"
    r"model'?s context length is only \d+",
    # vLLM's engine: "The decoder prompt (length 5000) is longer than the maximum model length of
    # 4096."; "The prompt (total length 5000) is too long to fit into the model"
    r"prompt \((?:total )?length \d+\) is (?:longer than the maximum model length|too long)",
    # OpenAI: the code; "Your input exceeds the context window of this model."
    r"\bcontext_length_exceeded\b",
    r"exceeds? the context window",
    # OpenAI, GPT-5: "Input tokens exceed the configured limit of 272000 tokens."
    r"input tokens exceed the configured limit",
    # llama.cpp: "request (5000 tokens) exceeds the available context size (4096 tokens)"; the
    # type; while generating: "Context size has been exceeded."
    r"exceeds the available context size",
    r"\bexceed_context_size_error\b",
    r"context size has been exceeded",
    # llama-cpp-python: "Requested tokens (5000) exceed context window of 4096"
    r"requested tokens \(\d+\) exceed context window",
    # SGLang: "The input (5000 tokens) is longer than the model's context length (4096 tokens).";
    # "Requested token count exceeds the model's maximum context length of 4096 tokens.";
    # "Input length (5000 tokens) exceeds the maximum allowed length (4096 tokens)."
    r"is longer than the model'?s context length",
    r"exceeds the model'?s maximum context length",
    r"input length \(\d+ tokens\) exceeds the maximum allowed length",
    # Ollama: "prompt too long; exceeded max context length by 904 tokens"; "the input length
    # exceeds the context length"
    r"exceeded max context length",
    r"input length exceeds (?:the|maximum) context length",
    # Behind gateways: Anthropic "prompt is too long: 5000 tokens > 4096 maximum", Gemini "The
    # input token count (5000) exceeds the maximum number of tokens allowed", Mistral "too large
    # for model with 4096 maximum context length"
    r"prompt is too long: \d+ tokens",
    r"input token count \(?\d+\)? exceeds the maximum number of tokens",
    r"too large for model with \d+ maximum context length",
]
_OVERFLOW = re.compile("|".join(OVERFLOW), re.IGNORECASE)

_RETRIED = {408: "timeout", 409: "server", 425: "server", 429: "rate_limit"}
_NO_OVERFLOW = {401, 402, 403, 404, 408, 409, 429}
_ADVICE = {
    401: "check the key (--api_key, OPENAI_API_KEY)",
    402: "the account is used up",
    403: "check the key and what it is allowed to use",
    404: "check --base_url and --model",
    405: "check --base_url",
}
_NAMED_CODES = [  # for errors in a body whose code is no number
    (r"rate.?limit|too_many_requests", 429),
    (r"authentication|api_key|unauthori[sz]ed", 401),
    (r"permission|forbidden", 403),
    (r"not_found|notfound", 404),
    (r"context_length|exceed_context|invalid_request|bad_?request|invalid_argument", 400),
]
MAX_LINE = 300
MAX_SEARCHED = 4_000


def failure(status: int, body: str, retry_after: float | None = None) -> Exception:
    """What to raise for an error response: Fault (worth another attempt) or a ModelError."""
    words, names = server_words(body)
    text = f"HTTP {status}: {one_line(words, MAX_LINE) or 'no reason given'}"
    if status not in _NO_OVERFLOW and _is_overflow(words, names):
        return ContextOverflow(text)
    if "insufficient_quota" in names or status == 402:
        # Comes as 429, but no waiting helps.
        return EndpointRefused(f"{text}; {_ADVICE[402]}")
    if status in _RETRIED or status >= 500:
        kind: FaultKind = "rate_limit" if status == 429 else "server"
        return Fault(kind, text, retry_after, overload=status in (503, 529))
    if status in _ADVICE or status < 400:
        advice = _ADVICE.get(status, "the address answers with a redirect; check --base_url")
        return EndpointRefused(f"{text}; {advice}")
    return ModelError(text)


def _is_overflow(words: str, names: str) -> bool:
    return _OVERFLOW.search(f"{words} {names}") is not None


def overflow_in_reply(raw: bytes) -> ContextOverflow | None:
    """For a 200 that holds no reply. Broken JSON is not searched: a reply may say anything."""
    body = raw[:MAX_SEARCHED].decode("utf-8", "replace")
    words, names = server_words(body)
    if (words is body and body.lstrip().startswith("{")) or not _is_overflow(words, names):
        return None
    return ContextOverflow(one_line(words, MAX_LINE))


def failure_in_reply(payload: dict[str, Any]) -> Exception | None:
    """The error that a 200 response carries, by its own code; None when it carries none."""
    error = payload.get("error")
    if not error and payload.get("object") == "error":
        error = payload
    if not error:
        return None
    return failure(_status(error), json.dumps(payload, ensure_ascii=False))


def _status(error: object) -> int:
    """An HTTP status for an error object; an unknown error counts as the server's."""
    if not isinstance(error, dict):
        return 500
    code = error.get("code", error.get("status"))
    if isinstance(code, int | str) and str(code).isdigit() and 400 <= int(code) < 600:
        return int(code)
    names = f"{code} {error.get('type')}".lower()
    return next((status for name, status in _NAMED_CODES if re.search(name, names)), 500)


def server_words(body: str) -> tuple[str, str]:
    """What the server says in an error body, and the code and type it gives the error.

    Only these are judged: a body may also quote the request, which can say anything.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        if not body.lstrip().startswith("<"):
            return body, ""
        return re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", body, flags=re.DOTALL), ""
    return _words(value) or body, _names(value)


def _words(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value[:3])))
    if isinstance(value, dict):
        for name in ("error", "message", "msg", "detail", "errors"):
            if value.get(name) and (words := _words(value[name])):
                return words
    return ""


def _names(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    return f"{value.get('code')} {value.get('type')} {_names(value.get('error'))}"
