"""The Python of an agent's shell: its packages are declared, and no others are there.

`offered` is this interpreter as a virtual environment of its own, a folder of links to just the
named distributions and what these need: nothing is downloaded, and versions are the toolkit's.
The sandbox shows the folder and what the links lead to. `own_python` is a Python of the user's.
Both give the same `python`, `python3` in a sandbox and without one.
"""

import json
import logging
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from react_agent.errors import ContractError
from react_agent.sandbox.bwrap import Bind, bind, plain
from react_agent.sandbox.office import find_office, installation
from react_agent.sandbox.process_folder import process_folder
from react_agent.text import one_line

log = logging.getLogger(__name__)

SEEN_AT = Path("/agent-python")
"""In the sandbox, on every machine."""
_FOLDER = "trace2skill-python-"
_ASK = """
import importlib.metadata, json, platform, sys
found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
print(json.dumps([platform.python_version(), sys.prefix, sys.base_prefix, found]))
"""


@dataclass(frozen=True)
class AgentPython:
    version: str
    packages: Mapping[str, str]
    """Name and version of every distribution that can be imported."""
    folder: Path
    """`python` stands in its `bin`. The sandbox shows it as SEEN_AT."""
    shown: tuple[Bind, ...]
    hidden: tuple[Path, ...] = ()
    """What lies in the trees that are shown and is not offered."""

    @property
    def described(self) -> dict[str, Any]:
        """For run.json."""
        return {"version": self.version, "packages": dict(self.packages)}


def choose_python(
    path: Path | None, packages: Sequence[str], more: Sequence[str], skills: Sequence[str]
) -> AgentPython:
    """The one that settings ask for: `packages` are the benchmark's, `more` the user's, `skills`
    what a skill says that its tools need: without these a skill can still be read, so that one
    that is not there is a warning.

    Raises ContractError for anything else that is not there.
    """
    if path and more:
        raise ContractError(
            f"--agent_packages goes without --agent_python: install {', '.join(more)} there"
        )
    if path:
        python = own_python(path)
        known = {canonicalize_name(name) for name in python.packages}
        missing = [n for n in (*packages, *skills) if canonicalize_name(n) not in known]
    else:
        missing = [name for name in skills if not _is_installed(name)]
        there = [name for name in skills if name not in missing]
        python = offered(tuple(dict.fromkeys((*packages, *more, *there))))
    for name in missing:
        log.warning(
            "the agent's Python has no %s, which %s; it is to be installed in %s",
            name,
            "the skill asks for" if name in skills else "agents of this benchmark expect",
            path or sys.prefix,
        )
    return python


@cache
def offered(names: tuple[str, ...] = ()) -> AgentPython:
    """This Python with these distributions, what they need, and its standard library.

    Raises ContractError for one that is not installed beside the toolkit.
    """
    found = _with_requirements(names)
    folder = _folder()
    program = Path(sys.executable).resolve()
    for name in _names(sys.version_info[:2]):
        (folder / "bin" / name).symlink_to(program)
    settings = f"home = {program.parent}\ninclude-system-site-packages = false\n"
    (folder / "pyvenv.cfg").write_text(settings)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    site.mkdir(parents=True)
    linked = [link for one in found.values() for link in _lay_out(one, site)]
    versions = {name: found[name].version for name in sorted(found)}
    shown = _shown(folder, [Path(sys.base_prefix), *linked])
    python = ".".join(map(str, sys.version_info[:3]))
    return AgentPython(python, versions, folder, shown, tuple(_site_folders()))


def own_python(path: Path) -> AgentPython:
    """A virtual environment, or an interpreter. Raises ContractError when none starts there."""
    program = plain(path / "bin" / "python" if path.is_dir() else path)
    try:
        argv = [str(program), "-I", "-c", _ASK]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True, env={})
        version, prefix, base, packages = json.loads(done.stdout)
        known: dict[str, str] = {canonicalize_name(n): packages[n] for n in sorted(packages)}
    except subprocess.CalledProcessError as error:
        raise ContractError(f"--agent_python {path}: {one_line(error.stderr, 300)}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ContractError(
            f"--agent_python {path}: no Python starts there ({one_line(str(error), 200)}); give "
            "a virtual environment or an interpreter"
        ) from None
    folder = _folder()
    for name in _names(version.split(".")[:2]):
        # Not a link: a virtual environment is found by the name that its Python is started by.
        _script(folder / "bin" / name, f'exec {shlex.quote(str(program))} "$@"')
    return AgentPython(version, known, folder, _shown(folder, [Path(prefix), Path(base)]))


def _folder() -> Path:
    """With `pip` as a shell has a program that is not there: the system's, which knows another
    Python's packages, would only mislead."""
    folder = process_folder(_FOLDER)
    (folder / "bin").mkdir()
    for name in ("pip", "pip3"):
        _script(folder / "bin" / name, f"echo '{name}: not available here' >&2; exit 127")
    return folder


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _names(version: Iterable[object]) -> list[str]:
    return ["python", "python3", "python" + ".".join(map(str, version))]


def _is_installed(name: str) -> bool:
    try:
        _with_requirements((name,))
    except ContractError:
        return False
    return True


def _with_requirements(names: Iterable[str]) -> dict[str, Distribution]:
    """By name, each once. Raises ContractError for one that is not here."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    left = [_requirement(name) for name in names]
    while left:
        wanted = left.pop()
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = one = distribution(wanted.name)
        except PackageNotFoundError:
            raise ContractError(
                f"{wanted.name}: not installed in the toolkit's environment ({sys.prefix}), and "
                "so not to be offered to agents; pip install it there, or give --agent_python"
            ) from None
        for requirement in map(Requirement, one.requires or ()):
            marker = requirement.marker
            if not marker or any(marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                left.append(requirement)
    return found


def _requirement(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement:
        raise ContractError(f"{text!r}: is no name of a Python package") from None


def _lay_out(one: Distribution, site: Path) -> Iterator[Path]:
    """Put it into `site`: its folders as links, its few files as copies. Gives the links' ends."""
    modules = 0
    for source in _top_level(one):
        if source.suffix in (".dist-info", ".egg-info"):
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, site / source.name)
            continue
        modules += 1
        target = site / source.name
        if source.is_dir() and not target.exists():
            target.symlink_to(source)
            yield source
        elif source.is_file():
            shutil.copy2(source, target)  # with its time, by which the compiled one is known
            for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
                (site / "__pycache__").mkdir(exist_ok=True)
                shutil.copy2(compiled, site / "__pycache__")
    if not modules:
        raise ContractError(
            f"{one.name}: cannot be offered to agents, as it is installed by reference (editable) "
            "or without a list of its files"
        )


def _top_level(one: Distribution) -> list[Path]:
    files = [file.parts[0] for file in one.files or ()]
    names = set(files) or set((one.read_text("top_level.txt") or "").split())
    names -= {"..", "__pycache__", "/"}
    paths = [Path(str(one.locate_file(name))).resolve() for name in sorted(names)]
    return [p for p in paths if p.exists() and p.suffix != ".pth" and "__editable__" not in p.name]


def _shown(folder: Path, trees: Iterable[Path]) -> tuple[Bind, ...]:
    """The folder, and what its links lead to beyond the system: by the names that trees have, and
    by their own where these are links. LibreOffice beside the system gets a link in the folder."""
    every = dict.fromkeys(path for tree in trees for path in (plain(tree), tree.resolve()))
    hidden = _site_folders()
    beyond = [
        tree
        for tree in every
        if not tree.is_relative_to("/usr") or any(tree.is_relative_to(path) for path in hidden)
    ]
    if (program := find_office()) and (office := installation(program)):
        (folder / "bin" / "soffice").symlink_to(program.resolve())
        beyond += office
    return (bind(folder, at=SEEN_AT), *map(bind, beyond))


def _site_folders() -> list[Path]:
    """Where packages lie that are this interpreter's, or the toolkit's, and not the agent's."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    base = Path(sys.base_prefix).resolve()
    places = [base / "lib" / version, base / "local/lib" / version, base / "lib/python3"]
    folders = [place / name for place in places for name in ("site-packages", "dist-packages")]
    folders += [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    return list(dict.fromkeys(path.resolve() for path in folders if path.is_dir()))
