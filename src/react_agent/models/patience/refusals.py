"""Read an error from an endpoint: is it worth another attempt, this case's end, or the run's?"""

import json
import re
from typing import Any

from react_agent.errors import ContextOverflow, EndpointRefused, ModelError, PromptRefused
from react_agent.models.patience.faults import Fault, FaultKind
from react_agent.models.patience.wordings import FILTERED, OVERFLOW, USED_UP, searched
from react_agent.text import for_terminal, one_line

_OVERFLOW, _USED_UP, _FILTERED = searched(OVERFLOW), searched(USED_UP), searched(FILTERED)

_RETRIED = {408: "timeout", 409: "server", 425: "server", 429: "rate_limit"}
_NO_OVERFLOW = {401, 402, 403, 404, 408, 409, 429}
_NO_FILTER = {401, 402, 404, 408, 409, 429}
TOO_LARGE = 413
"""Of a request, whatever is said beside it: what stands before the model takes no longer prompt."""
_ADVICE = {
    401: "check the key (--api_key, or the variable that it comes from: OPENAI_API_KEY, "
    "ANTHROPIC_API_KEY, or the provider's own)",
    402: "the account is used up",
    403: "check the key and what it is allowed to use",
    404: "check --base_url and --model",
    405: "check --base_url",
    407: "check user and password of the proxy in http_proxy or https_proxy",
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
    text = f"HTTP {status}: {_shown(words) or 'no reason given'}"
    error = _refusal(status, text, f"{words} {names}")
    if error is None:
        kind: FaultKind = "rate_limit" if status == 429 else "server"
        return Fault(kind, text, retry_after, overload=status in (503, 529))
    error.status, error.said = status, f"{words} {names}"
    return error


def _refusal(status: int, text: str, said: str) -> ModelError | None:
    """None for what another attempt may not meet."""
    if status == TOO_LARGE or (status not in _NO_OVERFLOW and _OVERFLOW.search(said)):
        return ContextOverflow(text)
    if status == 402 or (400 <= status < 500 and _USED_UP.search(said)):
        # Comes as 429, too, but no waiting helps.
        error = EndpointRefused(f"{text}; {_ADVICE[402]}")
        error.owed = True
        return error
    if 400 <= status < 500 and status not in _NO_FILTER and _FILTERED.search(said):
        return PromptRefused(text)
    if status in _RETRIED or status >= 500:
        return None
    if status in _ADVICE or status < 400:
        advice = _ADVICE.get(status, "the address answers with a redirect; check --base_url")
        return EndpointRefused(f"{text}; {advice}")
    return ModelError(text)


def overflow_in_reply(raw: bytes) -> ContextOverflow | None:
    """For a 200 that holds no reply. Broken JSON is not searched: a reply may say anything."""
    body = raw[:MAX_SEARCHED].decode("utf-8", "replace")
    words, names = server_words(body)
    broken = words is body and body.lstrip().startswith("{")
    if broken or not _OVERFLOW.search(f"{words} {names}"):
        return None
    return ContextOverflow(one_line(words, MAX_LINE))


def sound(payload: object) -> dict[str, Any]:
    """A 200 response that is an object and carries no error. Raises Fault or ModelError."""
    if not isinstance(payload, dict):
        raise Fault("garbled", f"the reply is a JSON {type(payload).__name__}, not an object")
    if error := failure_in_reply(payload):
        raise error
    return payload


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
        if isinstance(value.get("msg"), str) and (field := _field(value.get("loc"))):
            return f"{field}: {value['msg']}"
        for name in ("error", "message", "msg", "detail", "errors"):
            if value.get(name) and (words := _words(value[name])):
                return words
    return ""


def _field(loc: object) -> str:
    """The name that a 422 gives the part of the body which it does not take."""
    parts = loc if isinstance(loc, list) else []
    return ".".join(str(part) for part in parts if part != "body")


def _names(value: object) -> str:
    if isinstance(value, list):
        return " ".join(filter(None, map(_names, value[:3])))
    if not isinstance(value, dict):
        return ""
    inner = _names(value.get("error"))
    return f"{value.get('code')} {value.get('type')} {inner}".replace("None", "").strip()


def _shown(words: str) -> str:
    return one_line(for_terminal(words), MAX_LINE)
