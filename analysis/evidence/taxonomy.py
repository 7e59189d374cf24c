"""What code can say of a failure before any model is asked: its class, and how places are wrong."""

from collections import Counter

from react_agent.runs.logs import Log
from react_agent.seams import NO_OUTPUT, Check

KINDS_NAMED = 3
"""Ways of being wrong that a prompt names; the others are counted."""

MEANINGS: dict[str, str] = {
    NO_OUTPUT: "the agent finished without leaving a result where it should",
    "out_of_turns": "the turn budget was used up before the agent finished",
    "deadline": "the time limit of the case was over before the agent finished",
    "context_overflow": "the conversation outgrew the model's context window",
    "stuck": "the agent repeated itself or kept breaking the reply format",
    "crash": "the run was broken by the harness, not by the agent",
    "": "not known: only the log was read",
}

_ENDED: dict[str, str] = {
    "completed": "the agent said that it was done",
    "out_of_turns": "its turns were used up",
    "deadline": "its time was used up",
    "stuck": "it repeated the same reply and was stopped",
    "format_errors": "it kept breaking the reply format and was stopped",
    "context_overflow": "the conversation outgrew the context window",
    "infrastructure": "the endpoint failed",
    "refused": "a content filter of the endpoint refused to go on",
    "crash": "the harness broke",
}


def how_it_ended(log: Log) -> str:
    """A clause for a prompt; empty when the log does not say."""
    return _ENDED.get(str(log.status), "")


def class_by_status(log: Log) -> str:
    """The class as far as the log alone tells it: how the run ended, or that it left nothing."""
    found = "stuck" if log.status == "format_errors" else str(log.status)
    if found in MEANINGS and found != NO_OUTPUT:
        return found
    return NO_OUTPUT if log.result.get("success") is False else ""


def wrong_places(check: Check | None) -> str:
    """How many places are wrong, and in which ways: a clause for a prompt, or nothing."""
    if check is None or not check.failing:
        return ""
    listed, total = len(check.failing), max(check.failing_total, len(check.failing))
    places = "1 wrong place" if total == 1 else f"{total} wrong places"
    among = f", of the first {listed}" if listed < total else ""
    kinds = Counter(place.problem or "wrong" for place in check.failing).most_common()
    said = [f"{number} with {kind!r}" for kind, number in kinds[:KINDS_NAMED]]
    if kinds[KINDS_NAMED:]:
        said.append(f"{sum(number for _, number in kinds[KINDS_NAMED:])} with others")
    return f"{places}{among}: {', '.join(said) if len(kinds) > 1 else f'all with {kinds[0][0]!r}'}"
