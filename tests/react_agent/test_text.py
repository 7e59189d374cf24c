"""Whatever the text, what is shown of it fits, says that it was cut, and is safe to print."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from react_agent.text import (
    cut_end,
    cut_middle,
    for_terminal,
    has_control,
    one_line,
    without_control,
)


@given(st.text(max_size=80), st.integers(2, 40), st.integers(0, 9))
def test_a_text_cut_in_the_middle_keeps_both_ends(text: str, most: int, missing: int) -> None:
    short = cut_middle(text, most, missing)
    if len(text) <= most:
        assert short == text
    else:
        half = most // 2
        assert short.startswith(text[:half])
        assert short.endswith(text[-half:])
        assert f"[{len(text) - 2 * half + missing} characters left out]" in short


@given(st.text(max_size=80), st.integers(1, 40))
def test_a_text_cut_at_its_end_says_how_long_it_was(text: str, most: int) -> None:
    short = cut_end(text, most)
    if len(text) <= most:
        assert short == text
    else:
        assert short == f"{text[:most]}... ({len(text)} characters)"


@given(st.text(st.characters(codec="ascii"), max_size=300), st.integers(2, 40))
def test_one_line_is_the_beginning_of_the_words_and_never_too_long(text: str, most: int) -> None:
    line, words = one_line(text, most), " ".join(text.split())
    assert len(line) <= most
    assert not {"\n", "\r", "\t"} & set(line)
    if line.endswith("…"):
        assert words.startswith(line[:-1])
        assert len(text) > most
    else:
        assert line == words


@given(st.text(max_size=80))
def test_what_is_printed_acts_on_nothing_and_keeps_its_lines(text: str) -> None:
    shown = for_terminal(text)
    assert shown.count("\n") == text.count("\n")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not {"\u202e", "\u2066", "\u200f"} & set(shown)
    assert for_terminal(shown) == shown


@given(st.text(max_size=80))
def test_control_characters_are_found_where_they_are_taken_out(text: str) -> None:
    assert has_control(text) == (without_control(text.replace("\r", "")) != text.replace("\r", ""))
    assert not has_control(without_control(text))


def test_direction_marks_stay_in_what_a_model_reads() -> None:
    assert without_control("a\u202eb\x1b[31m") == "a\u202eb\ufffd[31m"
    assert for_terminal("a\u202eb\x1b[31m\u00a0c") == "a\ufffdb\ufffd[31m\u00a0c"
