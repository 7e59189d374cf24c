"""A folder that is kept as another: what is in it comes along, what it points to does not."""

import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from react_agent.errors import ContractError
from react_agent.sandbox import trees
from react_agent.sandbox.limits import KiB, MiB
from react_agent.sandbox.mirror import Mirror


class Pair:
    """Two folders, beside one that neither may touch."""

    def __init__(self, base: Path) -> None:
        self.source, self.target, self.outside = (base / n for n in ("from", "to", "outside"))
        for folder in (self.source, self.target, self.outside):
            folder.mkdir()
        (self.outside / "gold").write_text("gold")
        handles = [os.open(folder, os.O_RDONLY) for folder in (self.source, self.target)]
        self.mirror = Mirror(*handles, 4 * MiB)

    def update(self) -> None:
        self.mirror.update()
        assert entries(self.target) == entries(self.source)
        assert [path.name for path in self.outside.iterdir()] == ["gold"]
        assert (self.outside / "gold").read_text() == "gold"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def entries(top: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in top.rglob("*"):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        seen: object = kind
        if stat.S_ISLNK(status.st_mode):
            seen = kind, path.readlink()
        elif stat.S_ISREG(status.st_mode):
            seen = kind, path.read_bytes(), status.st_mode & 0o111, status.st_mtime_ns
        found[str(path.relative_to(top))] = seen
    return found


def a_folder(place: Path) -> None:
    place.mkdir()
    (place / "inner").write_text("x")


MADE: dict[str, Callable[[Path, Path], object]] = {
    "a file": lambda place, outside: place.write_bytes(os.urandom(random.randrange(9000))),
    "a script": lambda place, outside: (place.write_text("#!"), place.chmod(0o755)),
    "a folder": lambda place, outside: a_folder(place),
    "a link to a file": lambda place, outside: place.symlink_to(outside / "gold"),
    "a link to a folder": lambda place, outside: place.symlink_to(outside),
    "a link to nothing": lambda place, outside: place.symlink_to("nothing"),
    "a pipe": lambda place, outside: os.mkfifo(place),
    "a file with holes": lambda place, outside: (place.touch(), os.truncate(place, 3 * MiB)),
}


@pytest.mark.parametrize("before", MADE)
@pytest.mark.parametrize("after", MADE)
def test_whatever_takes_the_place_of_something_comes_along(
    pair: Pair, before: str, after: str
) -> None:
    for kind in (before, after, before):
        for place in (pair.source / "one", pair.source / "sub" / "one"):
            place.parent.mkdir(exist_ok=True)
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            place.unlink(missing_ok=True)
            MADE[kind](place, pair.outside)
        pair.update()
    shutil.rmtree(pair.source / "sub")
    pair.update()


@pytest.mark.parametrize("seed", range(20))
def test_any_course_of_changes_comes_along(pair: Pair, seed: int) -> None:
    drawn = random.Random(seed)
    folders = [pair.source]
    for _ in range(6):
        for _ in range(8):
            place = drawn.choice(folders) / f"n{drawn.randrange(4)}"
            if os.path.lexists(place):
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink()
            elif place.parent.is_dir():
                MADE[drawn.choice([*MADE])](place, pair.outside)
            folders = [pair.source]
            folders += [p for p in pair.source.rglob("*") if p.is_dir() and not p.is_symlink()]
        pair.update()


def test_what_is_gone_behind_a_link_is_not_removed_behind_it(pair: Pair) -> None:
    """The name that is gone exists in the folder that the link points to."""
    (pair.source / "sub").mkdir()
    (pair.source / "sub" / "gold").write_text("mine")
    pair.update()
    shutil.rmtree(pair.source / "sub")
    (pair.source / "sub").symlink_to(pair.outside)
    pair.update()


def test_a_change_that_leaves_size_and_time_alone_comes_along(pair: Pair) -> None:
    file = pair.source / "file"
    file.write_text("one")
    before = file.stat()
    pair.update()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    pair.update()


def test_what_has_not_changed_is_not_written_again(pair: Pair) -> None:
    (pair.source / "file").write_text("one")
    pair.update()
    (pair.target / "file").write_text("kept")
    pair.mirror.update()
    assert (pair.target / "file").read_text() == "kept"


def test_what_was_there_at_first_counts_as_copied(pair: Pair) -> None:
    for folder in (pair.source, pair.target):
        a_folder(folder / "sub")
    pair.mirror.learn()
    (pair.target / "sub" / "inner").write_text("kept")
    (pair.source / "new").write_text("new")
    pair.mirror.update()
    assert (pair.target / "sub" / "inner").read_text() == "kept"
    assert (pair.target / "new").read_text() == "new"


def test_a_copy_takes_no_more_room(pair: Pair) -> None:
    with (pair.source / "holes").open("wb") as file:
        file.truncate(900 * MiB)
        file.seek(500 * MiB)
        file.write(b"x")
    (pair.source / "once").write_bytes(bytes(MiB))
    for number in range(30):
        (pair.source / f"link{number}").hardlink_to(pair.source / "once")
    pair.mirror.update()
    copies = {path.stat().st_ino: path.stat().st_blocks * 512 for path in pair.target.iterdir()}
    assert len(copies) == 2
    assert sum(copies.values()) < 2 * MiB
    assert (pair.target / "holes").stat().st_size == 900 * MiB


def test_more_than_fits_is_said(pair: Pair) -> None:
    for number in range(5):
        (pair.source / f"{number}").write_bytes(os.urandom(MiB))
    with pytest.raises(ContractError, match="holds more than"):
        pair.mirror.update()


def test_no_program_keeps_its_owners_rights_and_what_was_closed_can_be_read(pair: Pair) -> None:
    (pair.source / "program").write_text("x")
    (pair.source / "program").chmod(0o6711)
    a_folder(pair.source / "closed")
    (pair.source / "closed").chmod(0)
    pair.mirror.update()
    assert stat.S_IMODE((pair.target / "program").stat().st_mode) == 0o711
    assert (pair.target / "closed" / "inner").read_text() == "x"


def test_what_lies_too_deep_is_left_out(pair: Pair) -> None:
    place = pair.source
    for _ in range(trees.DEEPEST + 30):
        place /= "d"
    place.mkdir(parents=True)
    (pair.source / "file").write_bytes(os.urandom(KiB))
    pair.mirror.update()
    depth = max(len(path.relative_to(pair.target).parts) for path in pair.target.rglob("*"))
    assert depth == trees.DEEPEST
    assert (pair.target / "file").stat().st_size == KiB
