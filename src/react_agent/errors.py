"""Every failure this project raises, named for the boundary it crossed."""


class Trace2SkillError(Exception):
    """Shown to the user without a traceback; says what, where and what to do."""

    owed = False
    """True when nothing is wrong with the command: started again it goes on."""


class ContractError(Trace2SkillError):
    """Names the file, the record and the field, and what to do about it."""


class ModelError(Trace2SkillError):
    """A reply that no retry will bring."""

    fatal = False
    """True when no other case can fare better, so that the whole run may stop at once."""
    status = 0
    """Of the HTTP response, and `said` what the server said in it; neither is for showing."""
    said = ""


class EndpointRefused(ModelError):
    """Wrong key, wrong address, unknown model, used-up quota, a request missing on the cassette.

    Owed when the endpoint had answered before, or when nothing but money is missing.
    """

    fatal = True


class PromptRefused(ModelError):
    """It would be refused again: the end of this case, and no failure of the agent's."""


class RunStopped(ModelError):
    """The request was not sent. What is in flight may finish; the rest is owed, not failed."""

    fatal = True
    owed = True
    sent = False
    """True when an attempt was made before, so that the endpoint may charge for the call."""


class BudgetReached(RunStopped):
    """A cap forbids the request."""


class EndpointDown(RunStopped):
    """For longer than the run waits: see `--max_downtime`."""


class TimeUsedUp(RunStopped):
    """See `--max_runtime`."""


class DiskLow(RunStopped):
    """See `--min_free_disk`."""


class ContextOverflow(ModelError):
    """The conversation no longer fits the model's context window."""


class InfrastructureError(ModelError):
    """Not the agent's doing: network, overload, timeouts, broken bodies, after all retries."""


class FormatError(Trace2SkillError):
    """The text is written for the model, and is sent back to it as it stands."""
