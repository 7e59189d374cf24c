"""Which parameters an endpoint takes: what it clearly refuses is left out from then on."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from react_agent.errors import EndpointRefused, ModelError
from react_agent.models.patience.wordings import NOT_TAKEN, searched

log = logging.getLogger(__name__)

ALWAYS = ("model", "messages")
REPLY_LIMITS = ("max_tokens", "max_completion_tokens")
_NOT_TAKEN = searched(NOT_TAKEN)
_WINDOW = re.compile(
    r"(?:context (?:length|window|size)|max_num_tokens|maximum)\D{0,40}?(\d{3,})", re.IGNORECASE
)
_TOO_LARGE = re.compile(r"max_(?:completion_)?tokens\W{1,3}is too large: (\d+)")
_PROMPT = re.compile(
    r"(\d+) (?:input|prompt) tokens|(\d+) (?:in the messages|of text input)|resulted in (\d+)",
    re.IGNORECASE,
)


class Parameters:
    """Of one endpoint, for all workers; each is learnt, and said, once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.instead: dict[str, str | None] = {}
        """What is sent instead of a refused one; None: nothing."""

    def fit(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body as this endpoint takes it."""
        names = {name: self._sent_as(name) for name in body}
        return {new: body[name] for name, new in names.items() if new is not None}

    def _sent_as(self, name: str | None) -> str | None:
        """The other name may be refused in its turn; what leads back to itself is left out."""
        seen = set()
        while name in self.instead:
            seen.add(name)
            name = self.instead[name]
            if name in seen:
                return None
        return name

    def learn(self, error: ModelError, sent: Mapping[str, Any]) -> bool:
        """Whether another attempt can do without what was refused."""
        if error.status not in (400, 422):
            return False
        found = list(_refused(error.said, sent))
        for name in found:
            if name not in self.instead:
                self.instead[name] = _instead(name, error.said)
                new = self.instead[name]
                what = f"{new} is sent instead" if new else "it is left out from now on"
                log.warning("%s does not take %s: %s (%s)", self.where, name, what, error)
        return bool(found)


def _refused(said: str, sent: Mapping[str, Any]) -> Iterator[str]:
    """Parameters that are named in a sentence which says that they are not taken."""
    for name in sent:
        named = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", said)
        if name in ALWAYS or not named:
            continue
        start = max(said.rfind(end, 0, named.start()) for end in (". ", "; ", "\n"))
        stop = re.search(r"\. |; |\n|\Z", said[named.end() :])
        assert stop
        if _NOT_TAKEN.search(said[start + 1 : named.end() + stop.start()]):
            yield name


def _instead(name: str, said: str) -> str | None:
    """Reasoning models of OpenAI want the other name for the limit of a reply."""
    others = [other for other in REPLY_LIMITS if other != name and name in REPLY_LIMITS]
    return next((other for other in others if re.search(rf"\b{other}\b", said)), None)


def no_room(error: ModelError, sent: Mapping[str, Any], *, answered: bool) -> ModelError:
    """An overflow that is no prompt's fault but that of a setting: the whole window is asked for
    the reply. Else the error as it is."""
    default = _TOO_LARGE.search(error.said)  # the server's own, where we name none
    wanted = max(_number(sent.get(name)) for name in REPLY_LIMITS)
    wanted = wanted or (int(default[1]) if default else 0)
    window, prompt = _WINDOW.search(error.said), _PROMPT.search(error.said)
    if not wanted or not window:
        return error
    size = int(window[1])
    small = prompt is not None and int(next(filter(None, prompt.groups()))) < size / 2 < wanted
    if wanted < size and (answered or not small):
        return error
    return EndpointRefused(
        f"{error}; max_tokens ({wanted:,}) leaves no room for a prompt in a window of {size:,} "
        "tokens: give a lower one in the generation config"
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
