"""Reading what an agent says, with the malformed replies that real models send."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import FormatError
from react_agent.loop.replies import Action, Done, cut_at_stop, read_reply

LS = '{"name": "bash", "arguments": {"command": "ls"}}'


def command(reply: str) -> str:
    action = read_reply(reply)
    assert isinstance(action, Action)
    return str(action.arguments["command"])


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="\n"), max_size=40))
def test_any_command_survives_the_round_trip(text: str, thought: str) -> None:
    call = json.dumps({"name": "bash", "arguments": {"command": text}})
    assert command(f"Thought: about to {thought}\nAction:\n{call}") == text


@pytest.mark.parametrize(
    "reply",
    [
        f"Action:\n{LS}",
        f"Thought: look\nAction: {LS}",
        f"**Action:**\n```json\n{LS}\n```",
        f"Action:\n```\n{LS}\n```\nACTION: TASK_COMPLETE",
        f"Action: I will look first\nAction:\n{LS}",
        f"Action:\n{LS}\nAction:\n" + LS.replace("ls", "rm -r ."),
        f"```\nAction:\n{LS}\n```",
        f"Action:\r\n{LS}\r\n",
        f"Action:\n{LS}<|im_end|>",
        f"thought\nI look first\nAction:\n{LS}",
        'action:\n{"name": "bash", "arguments": "{\\"command\\": \\"ls\\"}"}',
        f"Earlier I planned to end with `ACTION: TASK_COMPLETE`.\nAction:\n{LS}",
    ],
)
def test_the_first_readable_action_counts(reply: str) -> None:
    assert command(reply) == "ls"


def test_braces_quotes_and_raw_line_breaks_inside_a_string_are_text() -> None:
    assert command('Action:\n{"name": "bash", "arguments": {"command": "echo \'}\'\nls"}}') == (
        "echo '}'\nls"
    )


@pytest.mark.parametrize(
    "reply",
    [
        "ACTION: TASK_COMPLETE",
        "All cells are checked. ACTION: TASK_COMPLETE",
        "Done.\n\n**ACTION: TASK_COMPLETE**\n",
        "Action: TASK_COMPLETE.",
        f"ACTION: TASK_COMPLETE\nAction:\n{LS}",
        "`ACTION: TASK_COMPLETE`",
        "Action: `TASK_COMPLETE`",
        "```\nACTION: TASK_COMPLETE\n```",
        "All is saved.\n```text\nACTION: TASK_COMPLETE\n```\n",
        "Thought: done.\r\nACTION: TASK_COMPLETE\r\n\r\nThe file is saved.\r\n",
        "ACTION: TASK_COMPLETE - the totals stand in C2:C9, as formulas with their values.",
        "ACTION: TASK_COMPLETE. I filled C2:C9.",
        "Done.\n**ACTION: TASK_COMPLETE** (the macro you asked for cannot be saved in .xlsx)",
        "ACTION: TASK_COMPLETE The totals stand in C2:C9.",
        "ACTION: TASK_COMPLETE<|im_end|>",
        "ACTION: TASK_COMPLETE</s>\n<|endoftext|>\n",
        'Thought: done\nAction:\n{"name": "TASK_COMPLETE", "arguments": {}}',
        'Action:\n```json\n{"name": "task_complete"}\n```',
    ],
)
def test_the_end_signal_as_a_statement_ends(reply: str) -> None:
    assert isinstance(read_reply(reply), Done)


SAID = st.lists(
    st.sampled_from(
        [
            "I wrote the totals to column C.",
            "- **Checked**: 12 of 12 rows, see `output.xlsx`",
            "1. The header stands in row 3",
            "| cell | value |",
            "```python\nws['A1'] = 1\n```",
            "The next action: open the file and look.",
            "",
        ]
    ),
    max_size=5,
).map("\n".join)


@given(SAID, SAID)
def test_an_explanation_may_stand_around_the_end_signal(before: str, after: str) -> None:
    assert isinstance(read_reply(f"{before}\n\nACTION: TASK_COMPLETE\n\n{after}"), Done)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   \n",
        "I think the workbook is fine.",
        'When finished I reply "ACTION: TASK_COMPLETE".',
        "At the end I send\n```\nACTION: TASK_COMPLETE\n```\nbut not yet.",
        "I end with `ACTION: TASK_COMPLETE`",
        f"thought\nI could\nAction:\n{LS}\nno\nAction:\n{LS}",  # its mark was taken out
        "> ACTION: TASK_COMPLETE",
        "I will send `ACTION: TASK_COMPLETE` later",
        "`ACTION: TASK_COMPLETE` - I send this when all is done.",
        "> ACTION: TASK_COMPLETE - so it was said",
        "In the end I reply with\nACTION: TASK_COMPLETE when all is done",
        "The last line, ACTION: TASK_COMPLETE - not yet.",
        "ACTION: TASK_COMPLETED_SOON",
        'Action:\n{"name": "bash", "arguments": {"command": "ls"',
        "Action:\n{'name': 'bash', 'arguments': {'command': 'ls'}}",
        'Action:\n{"arguments": {"command": "ls"}}',
        'Action:\n{"name": "bash", "arguments": "ls"}',
        'Action:\n{"name": "bash", "arguments": ["ls"]}',
        'Action:\n{"name": 7, "arguments": {}}',
        'Action:\n{"name": "bash"\nACTION: TASK_COMPLETE',
        "Action: bash\nAction Input: ls",
    ],
)
def test_anything_else_is_a_format_error_that_says_why(reply: str) -> None:
    with pytest.raises(FormatError, match=r"\w{4}"):
        read_reply(reply)


@given(st.text())
def test_no_reply_raises_anything_but_a_format_error(reply: str) -> None:
    with contextlib.suppress(FormatError):
        assert isinstance(read_reply(reply), Action | Done)


def test_an_invented_observation_is_cut_off() -> None:
    assert cut_at_stop(f"Action:\n{LS}\nObservation: 3 files\nThought: good") == f"Action:\n{LS}"
    assert cut_at_stop("Thought: my Observation: none") == "Thought: my Observation: none"


@pytest.mark.parametrize(
    "piece",
    [
        *("Action:\n", 'Action:\n{"name":', "Action:\n{\n", "Action: "),
        "> action: task_complete\n",
        *('```\n"action: task_complete\n```\n', "```\n", "`", "*", " ", "<|im_end|>", "</s> "),
        *('say "action: task_complete\n', "action: task_complete (\n", "thought\n", "action:_*"),
    ],
)
def test_no_reply_keeps_the_reader_busy(piece: str) -> None:
    """All cases share one event loop, and a model that has lost itself repeats one word."""
    started = time.process_time()
    with contextlib.suppress(FormatError):
        read_reply(cut_at_stop(piece * (1_000_000 // len(piece))))
    assert time.process_time() - started < 15
