"""Clients that are installed here: where one lies, which version, and what it needs to be seen.

They are looked for in the folder that TRACE2SKILL_CLIENTS names (`npm install --prefix FOLDER`
and a `.venv` below it fill one), then on the PATH.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.text import one_line

FOLDER = "TRACE2SKILL_CLIENTS"
_BINS = ("", "bin", "node_modules/.bin", ".venv/bin")
_SYSTEM = (Path("/usr"), Path("/bin"), Path("/sbin"))
"""Are shown to every agent."""


class NotInstalled(ContractError):
    """Nothing of the client is here; other errors are of one that is."""


@dataclass(frozen=True)
class Installed:
    program: Path
    """Free of links."""
    version: str
    needs: tuple[Path, ...]
    """Folders and files without which it does not start."""
    path: tuple[Path, ...] = ()
    """Folders of the programs that start it."""


def find_program(name: str) -> Path | None:
    given = os.environ.get(FOLDER)
    folders = [Path(given, one).absolute() for one in _BINS] if given else []
    search = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    found = shutil.which(name, path=search)
    return Path(found) if found else None


def installed(name: str, install: str, distribution: str = "") -> Installed:
    """`distribution` names one of Python's, which tells its version without being started.

    Raises NotInstalled, or ContractError where it does not start.
    """
    place = find_program(name)
    if place is None:
        raise NotInstalled(
            f"{distribution or name} is not installed: {install}; "
            f"or name the folder that holds it in {FOLDER}"
        )
    program = _in_environment(place) if distribution else place.resolve()
    runners = [one for one in _runners(program) if not _of_system(one)]
    needs = {_package(program), *map(_shown_for, runners)}
    shown = tuple(sorted(one for one in needs if not _of_system(one)))
    version = _of_distribution(program, distribution) if distribution else _version(program)
    if not version:
        raise NotInstalled(f"{distribution} is not installed beside {program}: {install}")
    return Installed(program, version, shown, tuple(dict.fromkeys(r.parent for r in runners)))


def _in_environment(place: Path) -> Path:
    """Python finds its environment by the link that it is called by, so links are followed no
    further than into one."""
    found = place.absolute()
    while found.is_symlink() and not _environment(found):
        found = found.parent.resolve() / found.readlink()
    return found.parent.resolve() / found.name


def _environment(program: Path) -> Path | None:
    folder = program.parent.parent.resolve()
    return folder if (folder / "pyvenv.cfg").is_file() else None


def _of_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _SYSTEM)


def _shown_for(runner: Path) -> Path:
    """Its installation; never more of a user's home than the program itself."""
    folder, home = runner.parent.parent, Path.home()
    whole = home.is_relative_to(folder) or folder == home / ".local"
    return runner if whole else folder


def _package(program: Path) -> Path:
    """A program of npm's loads its neighbours, one of Python's its environment."""
    for number, part in enumerate(program.parts):
        if part == "node_modules":
            return Path(*program.parts[: number + 1])
    return _environment(program) or program


def _runners(program: Path) -> list[Path]:
    """What its first line asks for."""
    with program.open("rb") as file:
        line = file.readline(500)
    if not line.startswith(b"#!"):
        return [program.resolve()] if program.is_symlink() else []
    words = line[2:].decode("utf-8", "replace").split()
    named = words[-1] if words and words[0].endswith("/env") else words[0] if words else ""
    found = shutil.which(named)
    if not found:
        return []
    # A Python of an environment is a link to the one that it was made of.
    return list(dict.fromkeys((Path(found).absolute(), Path(found).resolve())))


def _of_distribution(program: Path, name: str) -> str:
    known = f"{name.replace('-', '_')}-"
    folders = _package(program).glob(f"lib/python3*/site-packages/{known}*.dist-info")
    found = [folder.name.removeprefix(known).removesuffix(".dist-info") for folder in folders]
    return found[0] if found else ""


@cache
def _version(program: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="client-version-") as home:
        env = {"PATH": os.environ.get("PATH", ""), "HOME": home, "TERM": "dumb"}
        try:
            done = subprocess.run(
                [str(program), "--version"],
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ContractError(f"{program}: does not start: {error}") from None
    if done.returncode:
        words = one_line(done.stderr or done.stdout, 200)
        raise ContractError(f"{program}: does not start: {words or f'exit code {done.returncode}'}")
    return one_line(done.stdout, 80)
