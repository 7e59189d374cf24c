"""The locked set is whole, every file of it has its hash, and what it installs opens no socket."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from project import ROOT

LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WANTED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries() -> list[tuple[Requirement, list[str]]]:
    """Each line of the lock file as pip reads it, and its hashes."""
    lines = LOCK.read_text("utf-8").replace("\\\n", " ").splitlines()
    split = [line.partition(" --hash=") for line in lines if line.strip()]
    return [(Requirement(name), HASH.findall(mark + rest)) for name, mark, rest in split]


def locked() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for requirement, _ in entries():
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def version(requirement: Requirement) -> str:
    (pin,) = requirement.specifier
    assert pin.operator == "=="
    return pin.version


def test_every_entry_is_one_version_with_hashes_and_nothing_else() -> None:
    for requirement, hashes in entries():
        assert version(requirement)
        assert hashes, requirement
        assert requirement.url is None
    rest = HASH.sub("", LOCK.read_text("utf-8"))
    assert not re.search(r"https?:|file:|--(?!hash)|index|@ ", rest)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_every_dependency_is_locked_once_for_every_python(wanted: Requirement, python: str) -> None:
    place = {**default_environment(), "python_version": python}
    place |= {"python_full_version": f"{python}.0", "sys_platform": "linux"}
    place["platform_machine"] = "x86_64"
    found = [
        version(entry)
        for entry in locked()[canonicalize_name(wanted.name)]
        if entry.marker is None or entry.marker.evaluate(place)
    ]
    assert len(found) == 1
    assert wanted.specifier.contains(found[0])


def test_what_the_dependencies_need_is_locked_too() -> None:
    """Else `pip --require-hashes` refuses the whole file."""
    todo, seen = list(WANTED), set[str]()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if name in seen or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        assert name in locked(), name
        try:
            needs = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
        todo += map(Requirement, needs)
    assert len(seen) > len(WANTED)


WATCHED = """
import importlib, pkgutil, sys

def refuse(event, given):
    if event == "socket.bind" and given[1] == ("::1", 0):
        return  # ray's client asks that way whether there is IPv6, and listens to nobody
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto",
                 "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        raise SystemExit(f"{event} {given!r}")

sys.addaudithook(refuse)
names = [name for package in sys.argv[1:] for name in [package, *(
    found.name for found in pkgutil.walk_packages(importlib.import_module(package).__path__,
                                                  package + "."))]]
for name in names:
    if not name.endswith("__main__") and ".skills." not in name:
        importlib.import_module(name)
print(len(names))
"""


def test_no_module_opens_a_socket_or_starts_a_program_when_it_is_imported() -> None:
    packages = ["react_agent", "spreadsheetbench", "spreadsheet_agent", "analysis"]
    packages += ["skill_evolver", "reporting", "trace2skill"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *packages],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 150
