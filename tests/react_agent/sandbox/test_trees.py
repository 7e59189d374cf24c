"""Folders that an untrusted program left are handed over, opened again and removed as a whole."""

import contextlib
import os
import stat
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from react_agent.sandbox import trees

ROOT = os.getuid() == 0
NOBODY = 65534


def chain(folder: Path, depth: int, mode: int = 0o755) -> None:
    """Folders in folders, deeper than a path can say."""
    at = os.open(folder, os.O_RDONLY)
    levels = []
    for _ in range(depth):
        os.mkdir("d", dir_fd=at)
        levels.append(at)
        at = os.open("d", os.O_RDONLY, dir_fd=at)
        if len(levels) > 100:
            os.close(levels.pop(0))
    for level in reversed(levels):
        os.chmod("d", mode, dir_fd=level)
        os.close(level)
    os.close(at)


def hostile(folder: Path, outside: Path) -> None:
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "f").write_text("x")
    (folder / "closed" / "inner" / "link").symlink_to(outside)
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0)
    (folder / "to a folder").symlink_to(outside)
    (folder / "to nothing").symlink_to("nowhere")
    (folder / os.fsdecode(b"\xff\xfe\n")).write_text("x")
    (folder / "suid").write_text("x")
    (folder / "suid").chmod(0o6711)
    os.mkfifo(folder / "pipe", 0)


@pytest.fixture(params=["root", "user"])
def as_user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Runs a function as root or as an ordinary user, to whom `tmp_path` then belongs."""
    if request.param == "root":
        if not ROOT:
            pytest.skip("the suite runs as an ordinary user")
        yield lambda work: work()
        return
    base = tmp_path.stat()

    def forked(work: Callable[[], None]) -> None:
        if not ROOT:
            work()
            return
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        here = os.open(tmp_path, os.O_RDONLY)
        with warnings.catch_warnings():  # of threads; the child has no use for them
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            code = 1
            with contextlib.suppress(BaseException):
                try:
                    os.fchdir(here)
                    os.setgroups([])
                    os.setresgid(NOBODY, NOBODY, NOBODY)
                    os.setresuid(NOBODY, NOBODY, NOBODY)
                    work()
                    code = 0
                except BaseException:
                    traceback.print_exc(file=sys.__stderr__)
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0

    yield forked
    os.chown(tmp_path, base.st_uid, base.st_gid)


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """A folder for a program, and one that it would like to reach; relative, since an ordinary
    user may not be let through to where the tests are."""
    monkeypatch.chdir(tmp_path)
    case, outside = Path("case"), Path("outside")
    case.mkdir()
    outside.mkdir()
    (outside / "gold").write_text("gold")
    (outside / "gold").chmod(0o400)
    yield case, outside
    left = [path for path in tmp_path.iterdir() if path.name != outside.name]
    subprocess.run(["rm", "-rf", "--", *left], check=False)  # deeper than pytest can remove


def test_any_tree_is_removed_and_nothing_behind_a_link(
    rooms: tuple[Path, Path], as_user: Callable[..., None]
) -> None:
    case, outside = rooms

    def work() -> None:
        hostile(case, outside.absolute())
        chain(case, 3000)
        (case / "wide").mkdir()
        for number in range(500):
            (case / "wide" / str(number)).write_text("x")
        chain(case / "wide", 500, mode=0)
        trees.remove(case, patience=30)
        assert not os.path.lexists(case)
        assert list(Path().iterdir()) == [outside], "at once, and not aside"

    as_user(work)
    assert (outside / "gold").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("patience", [30, -1])
def test_of_a_link_only_the_link_is_removed(rooms: tuple[Path, Path], patience: float) -> None:
    case, outside = rooms
    case.rmdir()
    case.symlink_to(outside.absolute())
    trees.remove(case, patience)
    assert not os.path.lexists(case)
    assert (outside / "gold").stat().st_mode & 0o777 == 0o400


def test_what_takes_too_long_is_removed_aside(
    rooms: tuple[Path, Path], as_user: Callable[..., None]
) -> None:
    case, outside = rooms

    def work() -> None:
        hostile(case, outside.absolute())
        chain(case, 1500, mode=0)
        trees.remove(case, patience=-1)
        assert not os.path.lexists(case), "its name is free at once"
        deadline = time.monotonic() + 20
        while list(Path().iterdir()) != [outside]:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    as_user(work)
    assert (outside / "gold").read_text() == "gold"


def test_what_lies_too_deep_is_set_aside_and_the_rest_can_be_read(
    rooms: tuple[Path, Path], as_user: Callable[..., None]
) -> None:
    case, outside = rooms

    def work() -> None:
        hostile(case, outside.absolute())
        chain(case, 2000, mode=0)
        aside = Path("aside")
        aside.mkdir()
        with trees.opened(case) as top, trees.opened(aside) as place:
            trees.visit(top, trees.take_back, deeper=trees.move_into(place))
        found = list(os.walk(case))
        assert len(found) == trees.DEEPEST + 2
        assert (case / "closed" / "inner" / "f").read_text() == "x"
        for folder, _, files in found:
            for name in files:
                mode = Path(folder, name).lstat().st_mode
                assert stat.S_ISLNK(mode) or mode & 0o6600 == 0o600
        trees.remove(aside)
        assert not aside.exists()

    as_user(work)
    assert (outside / "gold").stat().st_mode & 0o777 == 0o400


def test_links_are_given_and_not_what_they_point_to(rooms: tuple[Path, Path]) -> None:
    if not ROOT:
        pytest.skip("only root gives files away")
    case, outside = rooms
    hostile(case, outside.absolute())
    chain(case, trees.DEEPEST - 1)

    def refuse(at: int, name: str) -> None:
        raise OSError("deeper")

    with trees.opened(case) as top:
        assert trees.give(top, NOBODY, NOBODY, refuse) == ""
    assert {path.lstat().st_uid for path in (case, *case.rglob("*"))} == {NOBODY}
    assert {path.lstat().st_uid for path in (outside, *outside.rglob("*"))} == {0}
    assert not (case / "suid").stat().st_mode & 0o6000
    chain(case / "closed", trees.DEEPEST)
    with trees.opened(case) as top:
        assert trees.give(top, 0, 0, refuse) == "deeper"


def test_only_files_are_left_for_who_reads_by_path(tmp_path: Path) -> None:
    outside, home = tmp_path / "other", tmp_path / "home"
    (outside / "projects").mkdir(parents=True)
    (outside / "projects" / "s.jsonl").write_text("theirs")
    (home / "own").mkdir(parents=True)
    (home / "own" / "s.jsonl").write_text("mine")
    (home / "projects").symlink_to(outside / "projects")
    (home / "own" / "t.json").symlink_to(outside / "projects" / "s.jsonl")
    os.mkfifo(home / "own" / "u.json")
    (home / "own" / "v.json").write_bytes(bytes(2000))
    trees.only_files(home, 1000)
    assert [p.relative_to(home).as_posix() for p in home.rglob("*.json*")] == ["own/s.jsonl"]
    assert (outside / "projects" / "s.jsonl").read_text() == "theirs"


@pytest.mark.parametrize("what", ["a link", "a file", "too deep", "nothing"])
def test_what_is_no_such_folder_is_gone(what: str, tmp_path: Path) -> None:
    outside, home = tmp_path / "other", tmp_path / "home"
    outside.mkdir()
    (outside / "f").write_text("theirs")
    if what == "a link":
        home.symlink_to(outside)
    elif what == "a file":
        home.write_text("x")
    elif what == "too deep":
        home.mkdir()
        chain(home, 1500)
    trees.only_files(home, 1000)
    assert not os.path.lexists(home)
    assert (outside / "f").read_text() == "theirs"
