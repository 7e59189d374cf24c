"""Classes of failure that the log alone tells, before any model is asked."""

from react_agent.runs.logs import Log
from react_agent.seams import NO_OUTPUT

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

_BY_STATUS: dict[str, str] = {
    "out_of_turns": "out_of_turns",
    "deadline": "deadline",
    "context_overflow": "context_overflow",
    "stuck": "stuck",
    "format_errors": "stuck",
    "crash": "crash",
}


def how_it_ended(log: Log) -> str:
    """A clause for a prompt; empty when the log does not say."""
    return _ENDED.get(str(log.status), "")


def class_by_status(log: Log) -> str:
    """The class as far as the log alone tells it: how the run ended, or that it left nothing."""
    found = _BY_STATUS.get(str(log.status), "")
    if not found and log.result.get("success") is False:
        return NO_OUTPUT
    return found
