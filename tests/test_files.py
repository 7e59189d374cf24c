"""Files are whole or absent, and lines survive a torn predecessor."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.files import (
    append_line,
    digest,
    digest_tree,
    read_json,
    read_lines,
    write_json,
    write_whole,
)


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, "old")
    with pytest.raises(TypeError):
        write_whole(target, 3)  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


@given(st.lists(st.integers() | st.text(), max_size=5), st.binary(max_size=20))
def test_lines_come_back_around_a_torn_one(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], torn: bytes
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    path.write_bytes(b'{"torn": ' + torn.replace(b"\n", b""))
    for value in values:
        append_line(path, value)
    assert list(read_lines(path)) == values


def test_json_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{,}")
    for name in ("bad.json", "missing.json"):
        with pytest.raises(ContractError, match=name):
            read_json(tmp_path / name)
    write_json(tmp_path / "good.json", {"ä": [1]})
    assert read_json(tmp_path / "good.json") == {"ä": [1]}
    assert json.loads((tmp_path / "good.json").read_text()) == {"ä": [1]}


def test_digests_tell_lists_of_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a") == digest(b"a")


def test_a_tree_digest_changes_with_names_and_contents(tmp_path: Path) -> None:
    write_whole(tmp_path / "a/x", "1")
    seen = {digest_tree(tmp_path)}
    write_whole(tmp_path / "a/__pycache__/y.pyc", "ignored")
    assert digest_tree(tmp_path) in seen
    write_whole(tmp_path / "a/x", "2")
    seen.add(digest_tree(tmp_path))
    (tmp_path / "a/x").rename(tmp_path / "a/z")
    seen.add(digest_tree(tmp_path))
    assert len(seen) == 3
