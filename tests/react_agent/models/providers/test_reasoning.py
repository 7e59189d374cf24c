"""Reasoning never reaches the text, and no text is lost to it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.models.providers.reasoning import MARKS, split_reasoning

KNOWN = (*MARKS, *MARKS.values(), "<|channel|>", "analysis")
PLAIN = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda t: not any(mark in t for mark in KNOWN)
)
HARMONY = (
    "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>"
)
ANSWER = PLAIN.map(str.strip).filter(lambda t: t and t[0] not in "'\"`\\")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "plain"}, ("plain", "")),
        ({"content": " plain \n"}, (" plain \n", "")),
        ({"content": "<think>a</think>b"}, ("b", "a")),
        ({"content": "\n<think>\na\n</think>\n\nb"}, ("b", "a")),
        ({"content": "a, opened by the template\n</think>\nb"}, ("b", "a, opened by the template")),
        ({"content": "<think>cut off in thou"}, ("", "cut off in thou")),
        ({"content": "<think></think>b"}, ("b", "")),
        ({"content": "<think>a</think></think>\nb"}, ("b", "a")),
        ({"content": "<think>a</think>\n<think>b</think>c"}, ("c", "a\n\nb")),
        ({"content": "<think>a</think>x</think>y"}, ("x</think>y", "a")),
        ({"content": "<think>a</think>b '</think>' </think>"}, ("b '</think>' </think>", "a")),
        ({"content": "<think>then `</think>` ends it</think>b"}, ("b", "then `</think>` ends it")),
        ({"content": "<think>a</think>'quoted' answer"}, ("'quoted' answer", "a")),
        ({"content": "print('</think>')"}, ("print('</think>')", "")),
        ({"content": '{"command": "x \\"</think>\\""}'}, ('{"command": "x \\"</think>\\""}', "")),
        ({"content": "a <think> in the middle stays"}, ("a <think> in the middle stays", "")),
        ({"content": None, "reasoning_content": "r"}, ("", "r")),
        ({"content": "t", "reasoning": "r"}, ("t", "r")),
        ({"content": "t</think>u", "reasoning": "r"}, ("t</think>u", "r")),
        ({"content": "<think>s</think>t", "reasoning_content": "r"}, ("t", "r\n\ns")),
        ({"content": "t", "reasoning_content": None, "reasoning": ""}, ("t", "")),
        ({"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]}, ("ab", "")),
        ({"content": 7}, ("", "")),
        ({"content": ["a", {"text": "b"}]}, ("ab", "")),
        ({"content": "<thinking>a</thinking>\nb"}, ("b", "a")),
        ({"content": "[THINK]a </think> x[/THINK]b"}, ("b", "a </think> x")),
        ({"content": "<|channel>thought\na\n<channel|>b"}, ("b", "a")),
        ({"content": "◁think▷a◁/think▷b"}, ("b", "a")),
        ({"content": "<|START_THINKING|>a<|END_THINKING|>b"}, ("b", "a")),
        ({"content": HARMONY}, ("b", "a")),
        ({"content": "<|channel|>analysis<|message|>cut off"}, ("", "cut off")),
        ({"content": "analysisI look.assistantfinalb"}, ("b", "I look.")),
        ({"content": "analysis of it: done"}, ("analysis of it: done", "")),
        ({}, ("", "")),
        ({"content": "half a pair \ud800"}, ("half a pair ?", "")),
    ],
)  # fmt: skip
def test_every_known_form(message: dict[str, object], expected: tuple[str, str]) -> None:
    assert split_reasoning(message) == expected


@given(thought=PLAIN, answer=ANSWER, opened=st.booleans())
def test_what_was_thought_and_what_was_said_come_back(
    thought: str, answer: str, opened: bool
) -> None:
    content = ("<think>" if opened else "") + thought + "</think>\n\n" + answer
    assert split_reasoning({"content": content}) == (answer, thought.strip())


@given(thought=PLAIN, answer=ANSWER, more=st.text())
def test_nothing_behind_a_later_tag_is_lost(thought: str, answer: str, more: str) -> None:
    said = f"{answer}</think>{more}".encode("utf-8", "replace").decode()
    assert split_reasoning({"content": f"<think>{thought}</think>{said}"})[0] == said


@given(st.text())
def test_text_without_a_tag_is_untouched(text: str) -> None:
    if not any(mark in text for mark in KNOWN):
        assert split_reasoning({"content": text}) == (text.encode("utf-8", "replace").decode(), "")


@given(PLAIN)
def test_an_unclosed_thought_is_no_text(thought: str) -> None:
    assert split_reasoning({"content": "<think>" + thought}) == ("", thought.strip())


@pytest.mark.parametrize(
    "piece", ["</think>", "<think></think>", "<think>a</think>\n", " </think>"]
)
def test_no_reply_keeps_the_reader_busy(piece: str) -> None:
    """All cases share one event loop."""
    started = time.process_time()
    assert not split_reasoning({"content": piece * (1_000_000 // len(piece))})[0]
    assert time.process_time() - started < 10
