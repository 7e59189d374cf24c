"""What the doctor looks at on this machine: each check tries the thing itself where it can."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.errors import ContractError, Trace2SkillError
from react_agent.skills import Skill, find_skill
from react_agent.text import one_line

DISTRIBUTION = "trace2skill-toolkit"
GB = 10**9
Level = Literal["ok", "warning", "error"]
SandboxKind = Literal["auto", "bwrap", "none"]


@dataclass(frozen=True)
class Check:
    """One line of the report. An error means that no run can start."""

    level: Level
    topic: str
    says: str
    mend: str = ""
    """What to do about it."""


def check_python() -> Check:
    says = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.platform != "linux":
        mend = "runs confine commands on Linux only; use a container or a virtual machine"
        return Check("warning", "Python", says, mend)
    return Check("ok", "Python", says)


def check_packages() -> Iterator[Check]:
    """Installed versions against what this project asks for, pins included."""
    from packaging.requirements import Requirement

    try:
        required = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        yield Check(
            "warning",
            "packages",
            f"{DISTRIBUTION} is not installed, so its requirements are not known",
            mend="python -m pip install -e .",
        )
        return
    wrong, count, openpyxl = [], 0, ""
    for requirement in map(Requirement, required):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        openpyxl = version if requirement.name == "openpyxl" else openpyxl
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version}, asked for {requirement.specifier}")
    if wrong:
        mend = "python -m pip install -e .; verdicts are only exact with the pinned versions"
        yield Check("error", "packages", "; ".join(wrong), mend)
    else:
        says = f"all {count} as asked for; openpyxl {openpyxl}"
        yield Check("ok", "packages", says)


def check_engine() -> Check:
    """Let the embedded engine compute a formula that openpyxl has just saved without a value."""
    from react_agent.engines.workers import Workers, WorkLimits

    try:
        with Workers(1, WorkLimits(seconds=60)) as workers:
            found = workers.run(_six_times_seven)
    except Exception as error:  # young native code may fail in any way; that is what is asked here
        found = f"{type(error).__name__}: {error}"
    if found == 42:
        return Check("ok", "formulas", "the embedded engine computes: =6*A1 is 42")
    return Check(
        "warning",
        "formulas",
        f"the embedded engine does not compute (=6*A1 gave {found!r})",
        mend="python -m pip install --force-reinstall betteroffice-xlsx==0.2.1",
    )


def _six_times_seven() -> object:
    from openpyxl import Workbook

    from spreadsheetbench.scoring.recalculation import uncached_values

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.xlsx")
        book = Workbook()
        sheet = book.worksheets[0]
        sheet["A1"], sheet["A2"] = 7, "=6*A1"
        book.save(path)
        return uncached_values(path).get((sheet.title, (1, 2)))


def check_agent_python(skill: Skill | None) -> Check:
    """Build what agents get, and load it."""
    from react_agent.sandbox.agent_python import choose_python
    from spreadsheet_agent.domain import PACKAGES

    try:
        python = choose_python(None, PACKAGES, (), skill.packages if skill else ())
    except ContractError as error:
        return Check("error", "agent", str(error))
    argv = [str(python.folder / "bin" / "python"), "-I", "-c", f"import {', '.join(PACKAGES)}"]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        says = f"its Python does not start: {one_line(last, 200)}"
        return Check("error", "agent", says, mend="give --agent_python")
    packages = ", ".join(f"{name} {version}" for name, version in python.packages.items())
    return Check("ok", "agent", f"Python {python.version} with {packages}")


def check_libreoffice() -> Check:
    from react_agent.sandbox.office import NONE, find_office, office_version

    program, version = find_office(), office_version()
    if version != NONE:
        says = f"{version} ({program}); agents and recalc.py can use it"
    elif program:
        says = f"{program} does not start, so agents have none"
    else:
        says = "none; optional (the paper's agents had it): the engine above is used"
    return Check("ok", "LibreOffice", says)


def check_clients() -> Check:
    """Agents of others that a run could have as its harness."""
    from react_agent.clients.here import clients_here

    found = clients_here()
    here = [f"{one.name}: {one.version}" for one in found if one.version]
    missing = [one.name for one in found if not (one.version or one.problem)]
    broken = [f"; {one.name}: {one.problem}" for one in found if one.problem]
    others = f"; not installed: {', '.join(missing)}" if missing else ""
    says = f"{', '.join(here) or 'none'}{others}{''.join(broken)}"
    return Check("warning" if broken else "ok", "clients", says)


def check_sandbox(kind: SandboxKind) -> Check:
    """Start a program in it: an installed bubblewrap may still not be allowed to run."""
    from react_agent.sandbox.door import open_sandbox

    if kind == "none":
        return Check(
            "warning",
            "sandbox",
            "switched off: commands can read gold workbooks, keys and all your files",
            mend="leave --sandbox none to machines that hold nothing else",
        )
    try:
        sandbox = open_sandbox("bwrap")
    except ContractError as error:
        what, _, mend = str(error).partition(". To mend it: ")
        return Check(
            "error" if kind == "bwrap" else "warning",
            "sandbox",
            "runs go on UNCONFINED: " * (kind == "auto") + _clause(what),
            mend,
        )
    how = "bounded by the kernel" if sandbox.bounded else "measured as it grows"
    memory = "bounded by a control group" if sandbox.groups else "measured"
    says = (
        f"bubblewrap starts ({sandbox.program}); what a case writes is {how}, its memory {memory}"
    )
    return Check("ok", "sandbox", says)


def _clause(text: str) -> str:
    return one_line(text.removeprefix("--sandbox bwrap: "), 200)


def check_resources(workers: int) -> Iterator[Check]:
    import psutil

    from react_agent.open_files import shortage
    from react_agent.sandbox.limits import Limits

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("ok", "cores", f"{cores or 1}")
    free, one = psutil.virtual_memory().available, Limits().memory
    says = f"{free / GB:.1f} GB available"
    if free < one:
        mend = f"one command of an agent may take {one / GB:.1f} GB: use --tool_slots 1"
        yield Check("warning", "memory", says, mend)
    else:
        yield Check("ok", "memory", says)
    missing = shortage(workers)
    says, mend = missing or (f"can be had for {workers} workers", "")
    yield Check("warning" if missing else "ok", "open files", says, mend)


def check_output(folder: Path) -> Iterator[Check]:
    """Whether files can be made there, and how much room there is."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            yield Check("ok", "output", f"{folder} can be written")
    except OSError as error:
        says = f"{folder}: files cannot be made in {place}: {error.strerror}"
        mend = "choose another --output_dir, or make room there"
        yield Check("error", "output", says, mend)
    free = shutil.disk_usage(place if place.is_dir() else place.parent).free
    says = f"{free / GB:.1f} GB free"
    level: Level = "error" if free < GB / 5 else "warning" if free < 5 * GB else "ok"
    mend = "a run of 400 tasks writes about 1 GB; make room" if level != "ok" else ""
    yield Check(level, "disk", says, mend)


def skill_in(root: Path, name: str | None) -> Skill | None:
    try:
        return find_skill(root, name)
    except (Trace2SkillError, OSError):  # which `check_skill` reports
        return None


def check_skill(root: Path, name: str | None = None) -> Check:
    from skill_evolver.patches.rules import check_folder

    try:
        skill = find_skill(root, name)
        problems = [str(problem) for problem in check_folder(skill)]
    except (Trace2SkillError, OSError) as error:
        mend = "give a folder with --skills_dir, or run with --agent cli_only"
        return Check("error", "skill", str(error), mend)
    if problems:
        says = f"{skill.name}: {'; '.join(problems[:3])}"
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        mend = "runs can start; evolution repairs only what it breaks itself"
        return Check("warning", "skill", says + more, mend)
    return Check(
        "ok", "skill", f"{skill.name}: valid, {len(skill.text.splitlines())} lines in SKILL.md"
    )
