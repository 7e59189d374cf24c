"""Files are whole or absent, and lines survive a torn predecessor."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.files import (
    MAX_NAME,
    append_line,
    copy_folder,
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


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from react_agent import files
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
files.write_whole(Path(sys.argv[1]), "new")
"""


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    target, others = tmp_path / "a.txt", {"a.txt", ".a.txt.tmp", ".ab.txt.tmp"}
    write_whole(target, "old")
    (tmp_path / ".ab.txt.tmp").write_text("another target's")
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(target)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 3
    assert target.read_text() == "old"
    write_whole(target, "new")
    assert {path.name for path in tmp_path.iterdir()} == others - {".a.txt.tmp"}
    with (tmp_path / ".a.txt.tmp").open("w") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        write_whole(target, "newer")
        assert {path.name for path in tmp_path.iterdir()} == others


def test_writers_of_one_file_at_once_leave_one_whole_text_and_no_rest(tmp_path: Path) -> None:
    target, texts = tmp_path / "a.txt", [str(number) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as pool:
        for _ in range(10):
            list(pool.map(lambda text: write_whole(target, text), texts))
            assert target.read_text() in texts
    assert list(tmp_path.iterdir()) == [target]


def test_one_more_file_costs_the_same_in_a_full_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[object] = []
    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, lambda *_: listed.append(1) or iter(()))
    write_whole(tmp_path / "a.txt", "x")
    write_whole(tmp_path / ("a" * MAX_NAME), "x")
    assert not listed


@pytest.mark.parametrize(
    "write",
    [
        lambda path: append_line(path, "long" * 100),
        lambda path: write_whole(path, "long" * 100),
    ],
)
def test_a_full_disk_is_told_by_the_files_name_and_tears_nothing(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "x.jsonl"
    append_line(path, "first")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, usual[1]))
    try:
        with pytest.raises(OSError, match=r"x\.jsonl'$"):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert path.read_text() == '"first"\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_no_file_is_told_by_the_files_name() -> None:
    with pytest.raises(OSError, match=r"'/proc/a\.txt'$"):
        write_whole(Path("/proc/a.txt"), "x")


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


def test_a_copy_is_whole_or_not_there_whenever_it_is_killed(tmp_path: Path) -> None:
    source, target = tmp_path / "skill", tmp_path / "copies" / "skill"
    (source / "scripts").mkdir(parents=True)
    (source / ".git").mkdir()
    for number in range(2000):
        (source / "scripts" / f"{number}.py").write_text("x")
    code = "import sys; from pathlib import Path; from react_agent.files import copy_folder; "
    code += "copy_folder(Path(sys.argv[1]), Path(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", code, str(source), str(target)]) as process:
        while not list(target.parent.glob(".skill.copy.*/skill/scripts/*")):
            assert process.poll() is None
        process.kill()
    assert not target.exists()
    assert list(target.parent.iterdir())
    copy_folder(source, target)
    copy_folder(tmp_path / "nothing", target)  # there already
    assert list(target.parent.iterdir()) == [target]
    assert len(list((target / "scripts").iterdir())) == 2000
    assert not (target / ".git").exists()


def test_a_copy_follows_no_link_to_a_folder_but_a_skill_of_a_root(tmp_path: Path) -> None:
    """A skill of somebody else's may link to a home, to nowhere, or to itself."""
    home, skill, root = tmp_path / "home", tmp_path / "skill", tmp_path / "skills"
    for folder in (home, skill, root):
        folder.mkdir()
    (home / "style.md").write_text("shared")
    (skill / "SKILL.md").write_text("# Sheets")
    links = {"references": home, "loop": skill, "gone": tmp_path / "nothing"}
    for name, target in {**links, "style.md": home / "style.md"}.items():
        (skill / name).symlink_to(target)
    (root / "xlsx").symlink_to(skill)
    (root / "home").symlink_to(home)
    copy_folder(root, tmp_path / "copy")
    found = sorted(path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*"))
    assert list(map(str, found)) == ["xlsx", "xlsx/SKILL.md", "xlsx/style.md"]
    assert not any((tmp_path / "copy" / path).is_symlink() for path in found)
