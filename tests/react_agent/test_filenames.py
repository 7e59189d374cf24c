"""Ids become file names that no two share, that stay in their folder, and that can be read back."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from react_agent.filenames import LONGEST, case_folder, file_name, is_cut, is_own, text_of
from react_agent.layout import RUN_SETTINGS, seed_name

ORDINARY = ["59196", "13-1", "CF_357", "1_CF_357_input", "2_36478_input ", "a b.c", "表_1", "-1"]
ODD = [
    *(".", "..", "../..", "/etc/passwd", ".work", "a/b", "a@b", "50%", "%2E", "a\nb", "\x1b[2J"),
    *("7_FAILED", "7_SUCCEED", "7_prompt", "7_seed_3", "chat", RUN_SETTINGS, seed_name(3)),
    *("x" * 250, "é" * 250, "/" * 250, f"{'x' * 62}%~{'0' * 16}", "a\0b"),
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_ids_keep_their_names(text: str) -> None:
    assert file_name(text) == text


@given(st.text(min_size=1))
@example(".")
def test_any_text_makes_one_safe_name_that_can_be_read_back(text: str) -> None:
    name = file_name(text)
    assert len(name.encode()) <= LONGEST
    assert Path("/a", name).parent == Path("/a")
    assert not name.startswith(".")
    assert not is_own(name)
    assert name.isprintable()
    assert text_of(name) == (name if is_cut(name) else text)


@pytest.mark.parametrize("text", ODD)
def test_odd_ids_are_escaped(text: str, tmp_path: Path) -> None:
    name = file_name(text)
    assert name != text
    assert is_cut(name) or text_of(name) == text
    (tmp_path / name).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@given(st.lists(st.sampled_from(ODD) | st.text(min_size=1), unique=True))
def test_no_two_texts_share_a_name(texts: list[str]) -> None:
    assert len({file_name(text) for text in texts}) == len(texts)


def test_a_name_of_another_making_stays() -> None:
    assert text_of("50%") == "50%"
    assert text_of("%FF") == "%FF"
    assert text_of("%41") == "%41"


def test_a_case_has_its_published_folder() -> None:
    assert case_folder("13-1", "1_13-1_input") == "13-1_1_13-1_input"
    assert case_folder("..", "x/y") == "%2E._x%2Fy"
