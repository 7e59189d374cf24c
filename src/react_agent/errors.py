"""Every failure this project raises, named for the boundary it crossed.

Trace2SkillError          shown to the user as one line; anything else is a bug
  ContractError           a file, folder, flag or setting is not what a stage needs
  ModelError              the endpoint refused the request; asking again cannot help
    EndpointRefused       no request at all can work here: wrong key, address or model name
    RunStopped            no further request is sent; what is in flight may finish
      BudgetReached       a cap on calls, tokens or cost forbids the next request
      EndpointDown        the endpoint was down for longer than the run waits
      TimeUsedUp          the run has lasted as long as it may
      DiskLow             a disk that the run writes to is nearly full
    PromptRefused         a content filter takes this prompt, or its reply, for harmful
    ContextOverflow       the prompt is longer than the model's window
    InfrastructureError   the endpoint could not be reached or kept failing after all retries
  FormatError             a reply did not follow its format; the text can be sent back to the model
"""


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
