"""A wheel holds all that the commands need, and they start from it; an sdist holds the project."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import copy2

import pytest
from project import ROOT

BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
OUTSIDE = ("config/", "gen_config/", "data/mini/")
"""Folders that are no package, and of which something is a default."""


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git clone: what belongs to the project is not known")
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


def built(what: str, folder: Path) -> Path:
    """From a copy of what is tracked: what lies about in the clone gets in nowhere."""
    source, out = folder / "source", folder / "out"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy2(ROOT / name, source / name)
    out.mkdir()
    subprocess.run(
        [sys.executable, "-c", BUILD, what, str(out)], cwd=source, check=True, capture_output=True
    )
    [archive] = out.iterdir()
    return archive


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheel = built("build_wheel", tmp_path_factory.mktemp("wheel"))
    there = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(there)
    return there


def test_the_wheel_holds_every_file_of_packages_and_defaults(unpacked: Path) -> None:
    missing = []
    for name in tracked():
        top = name.split("/")[0]
        inside = name.removeprefix("src/")
        if name.startswith(OUTSIDE):
            inside = f"react_agent/defaults/{name}"
        elif top != "src" and not (ROOT / top / "__init__.py").is_file():
            continue
        here = unpacked / inside
        if not here.is_file() or here.read_bytes() != (ROOT / name).read_bytes():
            missing.append(name)
    assert missing == []
    assert not list(unpacked.glob("tests*"))


def test_the_sdist_holds_every_file_but_those_of_the_repository_itself(tmp_path: Path) -> None:
    with tarfile.open(built("build_sdist", tmp_path)) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {name for name in tracked() if not name.startswith((".ci/", ".github/", ".gitignore"))}
    assert sorted(wanted - held) == []


def python(unpacked: Path, *argv: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, *argv], cwd=unpacked.parent, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_start_from_it_and_find_their_defaults_in_it(unpacked: Path) -> None:
    assert "rollouts" in python(unpacked, "-m", "trace2skill", "--help")
    assert "--workers" in python(unpacked, "-m", "trace2skill", "run", "--help")
    found = python(
        unpacked,
        "-c",
        "from react_agent.bundled import MINI, PRICES\n"
        "from trace2skill.demo import recipe_of, Demo\n"
        "recipe = recipe_of(Demo()); print(MINI, PRICES, recipe.data_path, recipe.model.replay)",
    )
    assert all(path.startswith(str(unpacked)) for path in found.split())
    assert all(Path(path).exists() for path in found.split())
