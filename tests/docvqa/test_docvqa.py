"""ANLS as the official script has it, and pages that cannot be shown."""

import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

from docvqa.anls import anls
from docvqa.page import check_whole, page
from docvqa.questions import find_index, questions
from react_agent.errors import ContractError

SAMPLES = ROOT / "docvqa/samples"


@pytest.mark.parametrize(
    ("gold", "given", "score"),
    [
        ("Harbour School", "harbour  school", 1.0),
        ("abcd", "abcd", 1.0),
        ("abcd", "abxy", 0.5),  # at exactly a half the official script keeps it
        ("abcd", "axyz", 0.0),
        ("abcde", "abcdx", 0.8),
        ("", "", 1.0),
        ("a", "", 0.0),
        ("239.50", "$239.50", 6 / 7),
    ],
)
def test_anls(gold: str, given: str, score: float) -> None:
    assert anls([gold], given) == pytest.approx(score)
    assert anls(["something else entirely", gold], given) == pytest.approx(score)


def test_the_length_counts_what_the_distance_ignores() -> None:
    """Spaces at the end make an answer longer, and so its errors smaller: as the script has it."""
    assert anls(["abcd"], "axyd    ") == pytest.approx(1 - 2 / 8)


WRONG = ["", " ", "?", "unknown", "N/A", "none", "I cannot read it", "the page", "page.png"]
WRONG += ["0", "1", "42", "yes", "no", "null", "[]", "{}", "<answer>", "Lorem ipsum dolor sit"]
WRONG += ["nan", "\x00", "x" * 100_000, "12 Elm Street", "Mr Smith", "1 January 1900", "....", "-"]
WRONG += ["The answer is on the page", "see above", "error", "Traceback (most recent call last)"]


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_fails(answer: str) -> None:
    for question in questions(SAMPLES):
        assert all(anls(question.answers, gold) == 1 for gold in question.answers)
        assert anls(question.answers, answer) == 0


@given(st.text(max_size=20), st.text(max_size=20))
def test_anls_is_a_share(gold: str, given: str) -> None:
    assert anls([gold], given) == 0 or 0.5 <= anls([gold], given) <= 1
    assert anls([gold], gold) == 1


def png(width: int, height: int, tail: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + tail


HOSTILE = {
    "empty": b"",
    "text": b"no image",
    "head only": b"\x89PNG\r\n\x1a\n",
    "a bomb": png(100_000, 100_000),
    "a large page": png(20_000, 9_000),
    "a vector image": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_image_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "p.png").write_bytes(HOSTILE[kind])
    with pytest.raises(ContractError, match=r"p\.png"):
        page(tmp_path, "p.png")


def test_a_page_that_is_damaged_behind_its_head_is_not_shown(tmp_path: Path) -> None:
    whole = (SAMPLES / "pages/memo.png").read_bytes()
    (tmp_path / "p.png").write_bytes(whole[: len(whole) // 2])
    found = page(tmp_path, "p.png")
    with pytest.raises(ContractError, match=r"p\.png"):
        check_whole(found)


@pytest.mark.parametrize("name", ["../p.png", "/etc/passwd", "missing.png", "folder"])
def test_a_page_outside_the_data_set_or_not_there(tmp_path: Path, name: str) -> None:
    root = tmp_path / "set"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "p.png").write_bytes((SAMPLES / "pages/memo.png").read_bytes())
    with pytest.raises(ContractError):
        page(root, name)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no list"),
        ([{"questionId": 1}], "record 1"),
        ([{"questionId": 1, "question": "?", "image": "p", "answers": []}], "answers"),
        (["x"], "record 1"),
    ],
)
def test_a_bad_record_is_one_clear_line(tmp_path: Path, records: object, said: str) -> None:
    (tmp_path / "questions.json").write_text(json.dumps({"data": records}))
    with pytest.raises(ContractError, match=said):
        questions(tmp_path)
    with pytest.raises(ContractError, match="none of"):
        find_index(tmp_path / "elsewhere")
