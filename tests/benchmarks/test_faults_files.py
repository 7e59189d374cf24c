"""The row `files` sees a crash, a hang and a glutton: where nothing is defended, there are some."""

from pathlib import Path

import pytest
from hostile.books import BOOKS
from rows.files import NO_STAGE, Watched

from react_agent.engines.workers import WorkLimits
from react_agent.sandbox.limits import MiB

QUICK = WorkLimits(seconds=2)


def wrong(stage: str, folder: Path, *names: str, most: int = 2048 * MiB) -> list[str]:
    watched = Watched(stage, QUICK, most=most, grace=8)
    watched.run(folder, names)
    assert watched.tried
    return watched.wrong


@pytest.mark.parametrize(
    ("name", "words", "most"),
    [
        ("cut off", "BadZipFile", 2048),
        ("a format of brackets", "hangs", 2048),
        ("bomb in a sheet", "used", 300),
    ],
)
def test_where_nothing_is_defended_it_is_seen(
    tmp_path: Path, name: str, words: str, most: int
) -> None:
    assert words in "".join(wrong(NO_STAGE, tmp_path, name, most=most * MiB))


@pytest.mark.parametrize("stage", ["preview", "leak scan"])
def test_stages_survive_what_is_quick_to_refuse(tmp_path: Path, stage: str) -> None:
    names = [name for name in BOOKS if not name.startswith(("bomb", "million", "20,000", "60,000"))]
    assert wrong(stage, tmp_path, *names[::4]) == []


def test_archives_are_refused_and_nothing_is_written_outside(tmp_path: Path) -> None:
    assert wrong("unpack", tmp_path) == []
