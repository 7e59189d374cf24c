"""The ReAct loop: ask, read, act, observe, until done, out of turns or stuck."""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from react_agent.errors import ContextOverflow, FormatError, ModelError, PromptRefused
from react_agent.loop.replies import STOP, Done, cut_at_stop, read_reply
from react_agent.model import Message, Model, Reply
from react_agent.models.patience.deadlines import CaseClock
from react_agent.seams import REFUSED, Status, Trajectory
from react_agent.templates import Prompts
from react_agent.text import MAX_OBSERVATION, cut_middle

PROMPTS = Prompts("react_agent")
FORMAT_ERRORS_IN_A_ROW = 5
IDENTICAL_REPLIES = 3


@dataclass(frozen=True)
class Tool:
    """Something the agent can call. Every parameter is a required string."""

    name: str
    parameters: tuple[str, ...]
    run: Callable[..., Awaitable[str]]
    limit: int | None = MAX_OBSERVATION
    """Characters of an observation; None where `run` sees to it."""

    @property
    def example(self) -> str:
        return json.dumps(dict.fromkeys(self.parameters, "..."))

    async def call(self, arguments: dict[str, Any]) -> str:
        """Raises FormatError when the arguments are not those of the tool."""
        missing = [name for name in self.parameters if not isinstance(arguments.get(name), str)]
        unknown = [name for name in arguments if name not in self.parameters]
        if missing or unknown:
            raise FormatError(
                f"{self.name} takes the string arguments {', '.join(self.parameters)}; "
                f"found {', '.join(arguments) or 'none'}."
            )
        observation = await self.run(**arguments)
        return observation if self.limit is None else cut_middle(observation, self.limit)


@dataclass(frozen=True)
class ReActAgent:
    """One conversation with one set of tools.

    `unfinished` is asked when the agent says it is done: a text is sent back as a reminder (at
    most `reminders` times), an empty one lets the run end. No turn starts after `seconds`, in which
    waiting for an endpoint that fails does not count.
    """

    model: Model
    tools: Sequence[Tool]
    _: KW_ONLY
    max_turns: int
    unfinished: Callable[[], str | Awaitable[str]] = lambda: ""
    reminders: int = 1
    seconds: float | None = None
    prompts: Prompts = PROMPTS

    async def run(self, messages: Sequence[Message]) -> Trajectory:
        """From the opening messages to the end; a failing endpoint is a status of the result.

        Raises a fatal ModelError when the endpoint refuses every request (a wrong key, say).
        """
        return await self.resume(Trajectory(list(messages)))

    async def resume(self, run: Trajectory) -> Trajectory:
        """Go on with a run whose last message is the user's."""
        loop = _Loop(self, run)
        started = time.monotonic()
        try:
            run.status = await loop.until_the_end()
        except ContextOverflow as error:
            run.status, run.error = "context_overflow", str(error)
        except PromptRefused as error:
            run.status, run.error = REFUSED, str(error)
        except ModelError as error:
            if error.fatal:
                raise
            run.status, run.error = "infrastructure", str(error)
        finally:
            run.seconds += time.monotonic() - started
        return run


class _Loop:
    """The state of one run: what repeats, and how many reminders are left."""

    def __init__(self, agent: ReActAgent, run: Trajectory) -> None:
        self.agent, self.run = agent, run
        self.tools = {tool.name: tool for tool in agent.tools}
        self.reminders = agent.reminders
        self.format_errors = 0
        self.last_text, self.repeated = "", 0
        self.clock = CaseClock()

    async def until_the_end(self) -> Status:
        limit = self.agent.seconds
        while self.run.turns < self.agent.max_turns:
            if limit is not None and self.clock.seconds > limit:
                return self._give_up("deadline", f"not done after {limit:g} s")
            reply = await self.agent.model.reply(self.run.messages, stop=(STOP,))
            if status := await self._take(reply):
                return status
        return "out_of_turns"

    async def _take(self, reply: Reply) -> Status | None:
        """One reply into the history and what follows from it; a status ends the run."""
        self.run.usage += reply.usage
        text = cut_at_stop(reply.text)
        self._say("assistant", text or "(empty reply)")
        self.repeated = self.repeated + 1 if text == self.last_text else 1
        self.last_text = text
        try:
            step = read_reply(text)
            if isinstance(step, Done):
                return await self._finish()
            if (tool := self.tools.get(step.name)) is None:
                raise FormatError(f"There is no tool {step.name!r}.")
            observation = await tool.call(step.arguments)
        except FormatError as error:
            return self._complain(error, reply)
        self.run.turns += 1
        self.format_errors = 0
        if self.repeated >= IDENTICAL_REPLIES:
            return self._give_up("stuck", f"the same reply {self.repeated} times in a row")
        self._say("user", f"{STOP}\n{observation}")
        return None

    async def _finish(self) -> Status | None:
        self.run.turns += 1
        self.format_errors = 0
        answer = self.agent.unfinished()
        reminder = answer if isinstance(answer, str) else await answer
        if not reminder or not self.reminders:
            return "completed"
        self.reminders -= 1
        self._say("user", reminder)
        return None

    def _complain(self, error: FormatError, reply: Reply) -> Status | None:
        """Tell the model what was wrong; costs no turn, but not for ever."""
        self.format_errors += 1
        if self.repeated >= IDENTICAL_REPLIES:
            return self._give_up("stuck", f"the same reply {self.repeated} times in a row: {error}")
        if self.format_errors >= FORMAT_ERRORS_IN_A_ROW:
            return self._give_up("format_errors", f"{self.format_errors} format errors: {error}")
        reminder = self.agent.prompts.render(
            "format_error.j2",
            problem=str(error),
            cut_off=reply.cut_off,
            tools=list(self.tools),
            example=self.agent.tools[0].example,
        )
        self._say("user", reminder)
        return None

    def _give_up(self, status: Status, why: str) -> Status:
        self.run.error = why
        return status

    def _say(self, role: Any, text: str) -> None:
        self.run.messages.append(Message(role=role, content=text))
