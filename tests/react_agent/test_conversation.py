"""A conversation ends with a reply that was read, or with the reason why none could be."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from react_agent.conversation import CONTINUATIONS, CORRECTIONS, Conversation, Reading
from react_agent.errors import ContextOverflow, FormatError
from react_agent.model import Message, Reply, ScriptedModel


def number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise FormatError(f"{text!r} is no number") from None


def read(*replies: str | Reply | Exception) -> tuple[ScriptedModel, Reading[int]]:
    model = ScriptedModel(*replies)
    talk = Conversation(model, [Message(role="user", content="a number?")], "go on")

    async def whole() -> Reading[int]:
        return await talk.read(await talk.answer(), number, "wrong: {}".format)

    return model, asyncio.run(whole())


def test_a_reply_is_sent_back_with_the_readers_reason_until_it_can_be_read() -> None:
    model, found = read("one", "two", "3")
    assert (found.value, found.text, found.corrections) == (3, "3", 2)
    assert [asked[-1].content for asked in model.asked[1:]] == [
        "wrong: 'one' is no number",
        "wrong: 'two' is no number",
    ]


def test_sending_back_ends_with_the_last_reason() -> None:
    model, found = read(*["x"] * CORRECTIONS, "y", "4")
    assert found.value is None
    assert str(found.error) == "'y' is no number"
    assert len(model.asked) == 1 + CORRECTIONS


def test_a_correction_for_which_there_is_no_room_leaves_the_reply_before_it() -> None:
    _, found = read("x", ContextOverflow("too long"), ContextOverflow("too long"))
    assert (found.value, found.text) == (None, "x")


def test_a_correction_that_is_cut_off_is_continued_too() -> None:
    model, found = read("x", Reply(text="12", finish="length"), "34")
    assert found.value == 1234
    assert model.asked[-1][-1].content == "go on"


TEXT = " ".join(map(str, range(100, 220)))


@given(st.integers(40, len(TEXT) - 1), st.data())
def test_a_reply_in_two_parts_is_the_whole(cut: int, data: st.DataObject) -> None:
    """Whether the model goes on, repeats its last words, or begins again."""
    repeated = data.draw(st.one_of(st.just(0), st.integers(13, min(cut, 200)), st.just(cut)))
    parts = Reply(text=TEXT[:cut], finish="length"), Reply(text=TEXT[cut - repeated :])
    talk = Conversation(ScriptedModel(*parts), [Message(role="user", content="go")], "go on")
    assert asyncio.run(talk.answer()) == TEXT
    assert (talk.continued, talk.cut_off) == (1, False)


def test_going_on_ends() -> None:
    replies = [Reply(text="ab", finish="length")] * (1 + CONTINUATIONS)
    talk = Conversation(ScriptedModel(*replies), [Message(role="user", content="go")], "go on")
    assert asyncio.run(talk.answer()) == "ab" * (1 + CONTINUATIONS)
    assert (talk.cut_off, talk.continued) == (True, CONTINUATIONS)
