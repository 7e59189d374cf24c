"""The loop's ways to end, and what each costs."""

import asyncio
import json
from collections.abc import Callable

import pytest

from react_agent.errors import (
    ContextOverflow,
    EndpointRefused,
    InfrastructureError,
    ModelError,
    PromptRefused,
)
from react_agent.loop.agent import MAX_OBSERVATION, ReActAgent, Tool
from react_agent.model import Message, Reply, ScriptedModel, Usage
from react_agent.seams import Trajectory

DONE = "ACTION: TASK_COMPLETE"
OPENING = [Message(role="system", content="s"), Message(role="user", content="t")]


def call(command: str, name: str = "echo") -> str:
    action = {"name": name, "arguments": {"command": command}}
    return f"Thought: go\nAction:\n{json.dumps(action)}"


async def echo(command: str) -> str:
    return command


def run(
    *replies: str | Reply | Exception, turns: int = 9, unfinished: Callable[[], str] = lambda: ""
) -> tuple[Trajectory, ScriptedModel]:
    model = ScriptedModel(*replies)
    tools = [Tool("echo", ("command",), echo)]
    agent = ReActAgent(model, tools, max_turns=turns, unfinished=unfinished)
    return asyncio.run(agent.run(OPENING)), model


def test_act_observe_and_finish() -> None:
    trajectory, _ = run(call("hello"), DONE)
    assert (trajectory.status, trajectory.turns) == ("completed", 2)
    assert trajectory.messages[3] == Message(role="user", content="Observation:\nhello")


def test_running_out_of_turns_is_a_status() -> None:
    trajectory, model = run(*[call(str(n)) for n in range(9)], turns=3)
    assert (trajectory.status, trajectory.turns, len(model.asked)) == ("out_of_turns", 3, 3)


def test_format_errors_cost_no_turn_and_say_what_was_wrong() -> None:
    trajectory, model = run("no action", call("x", name="nosuch"), call("a"), DONE, turns=2)
    assert (trajectory.status, trajectory.turns) == ("completed", 2)
    assert "neither an `Action:`" in model.asked[1][-1].content
    assert "no tool 'nosuch'" in model.asked[2][-1].content


def test_five_format_errors_in_a_row_end_the_run() -> None:
    trajectory, model = run(*[f"prose {n}" for n in range(9)])
    assert (trajectory.status, trajectory.turns, len(model.asked)) == ("format_errors", 0, 5)


def test_a_good_turn_forgives_earlier_format_errors() -> None:
    replies = [f"prose {n}" for n in range(4)] + [call("a")]
    trajectory, _ = run(*replies, *[f"more {n}" for n in range(4)], DONE)
    assert trajectory.status == "completed"


@pytest.mark.parametrize("reply", [call("a"), "nothing to read"])
def test_the_same_reply_three_times_is_stuck(reply: str) -> None:
    trajectory, model = run(*[reply] * 9)
    assert (trajectory.status, len(model.asked)) == ("stuck", 3)


def test_completion_without_a_result_gets_one_reminder() -> None:
    trajectory, model = run(DONE, call("late"), DONE, unfinished=lambda: "no file yet")
    assert (trajectory.status, trajectory.turns) == ("completed", 3)
    assert [m.content for m in model.asked[1]][-1] == "no file yet"
    assert sum(m.content == "no file yet" for m in trajectory.messages) == 1


def test_wrong_arguments_are_a_format_error() -> None:
    wrong = 'Action:\n{"name": "echo", "arguments": {"cmd": "ls", "command": 3}}'
    trajectory, model = run(wrong, DONE)
    assert "takes the string arguments command" in model.asked[1][-1].content
    assert trajectory.turns == 1


def test_a_reply_that_was_cut_off_is_told_so() -> None:
    _, model = run(Reply(text='Action:\n{"name": "echo"', finish="length"), DONE)
    assert "cut off by the length limit" in model.asked[1][-1].content


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ContextOverflow("too long"), "context_overflow"),
        (PromptRefused("flagged"), "refused"),
        (InfrastructureError("down"), "infrastructure"),
        (ModelError("content filter"), "infrastructure"),
    ],
)
def test_a_failing_endpoint_is_a_status_that_keeps_the_conversation(
    error: Exception, status: str
) -> None:
    trajectory, _ = run(call("a"), error)
    assert (trajectory.status, trajectory.error) == (status, str(error))
    assert len(trajectory.messages) == 4


def test_an_endpoint_that_refuses_everything_is_raised() -> None:
    with pytest.raises(EndpointRefused, match="bad key"):
        run(EndpointRefused("bad key"))


def test_usage_is_added_up() -> None:
    usage = Usage(calls=1, prompt_tokens=5, completion_tokens=2)
    trajectory, _ = run(Reply(text=call("a"), usage=usage), Reply(text=DONE, usage=usage))
    assert trajectory.usage == Usage(calls=2, prompt_tokens=10, completion_tokens=4)


@pytest.mark.parametrize("length", [MAX_OBSERVATION, MAX_OBSERVATION + 1, 100_000])
def test_long_observations_keep_both_ends(length: int) -> None:
    text = "a" * (length // 2) + "b" * (length - length // 2)
    trajectory, _ = run(call(text), DONE)
    shown = trajectory.messages[3].content.removeprefix("Observation:\n")
    if length <= MAX_OBSERVATION:
        assert shown == text
    else:
        assert shown.startswith("a" * 3_000 + "\n")
        assert shown.endswith("\n" + "b" * 3_000)
        assert f"{length - MAX_OBSERVATION} characters left out" in shown
