"""The folder of one case: what the analyst works in, and what is published of it.

The analyst works in `<output_dir>/.work/<instance>/`. Only when the case is finished is
`<output_dir>/<instance>/` put together from regular files and renamed into place, whole; so
whatever lies there was put there by the harness, a flag included.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.lessons.outcomes import CaseAnalysis
from analysis.lessons.parsing import ReportFile
from react_agent.errors import ContractError
from react_agent.files import write_whole
from react_agent.layout import CASE_FILE, FLAG, GATE, REPORT
from react_agent.runs.logs import Log, render_markdown
from react_agent.sandbox import trees
from react_agent.sandbox.untrusted import take_file
from react_agent.seams import Case, Domain

MAX_FILES, MAX_BYTES, MAX_DEPTH = 100, 50 * 1024 * 1024, 4
"""Of what an agent or an analyst left; a case folder of the paper's runs holds a few scripts."""
AGENT_WORK = "agent_work"
"""What the agent left, and what the analyst makes of it."""
FIX_SCRIPT = "fix.py"
SKILL_FILE = "agent_skill.md"


@dataclass(frozen=True)
class CaseFolder:
    """Where one case is worked on and where it ends up."""

    output_dir: Path
    instance: str

    @property
    def work(self) -> Path:
        return self.output_dir / ".work" / self.instance

    @property
    def final(self) -> Path:
        return self.output_dir / self.instance

    @property
    def report(self) -> ReportFile:
        return ReportFile(self.instance, self.final / REPORT, self.final / CASE_FILE, gated=True)

    def finished(self) -> CaseAnalysis | None:
        return CaseAnalysis.load(self.final / CASE_FILE)

    def prepare(
        self, log: Log, skill: str, agent_folder: Path, domain: Domain[Any], case: Case
    ) -> "Evidence":
        """Lay the evidence out in an empty folder. Raises ContractError when it is missing."""
        if not agent_folder.is_dir():
            raise ContractError(f"{agent_folder}: no such folder; give the run's --work_dir")
        remove_tree(self.work)
        there = self.work / AGENT_WORK
        there.mkdir(parents=True)
        write_whole(self.work / "agent_log.md", render_markdown(log))
        if skill:
            write_whole(self.work / SKILL_FILE, skill + "\n")
        # What an agent left under a name that means something here is not taken over.
        output, own = domain.files.output, domain.files.all | {FIX_SCRIPT}
        taken, left_out = take_tree(agent_folder, there, own - {output}, first=output)
        domain.lay_out(case, there)
        other = tuple(name for name in taken if name != output)
        return Evidence(there / output if output in taken else None, other, left_out)

    def publish(
        self, texts: dict[str, str], analysis: CaseAnalysis, lay_out: Callable[[Path], None]
    ) -> None:
        """Put the finished case into place, `analysis.json` and the rest at once.

        `lay_out` puts input and truth back as they were.
        """
        new = self.output_dir / ".work" / f".{self.instance}.done"  # no instance has such a name
        remove_tree(new)
        new.mkdir(parents=True)
        if self.work.is_dir():
            take_tree(self.work, new, frozenset({REPORT, FLAG, CASE_FILE, GATE}))
            if (new / AGENT_WORK).is_dir():
                lay_out(new / AGENT_WORK)
        for name, text in texts.items():
            write_whole(new / name, text)
        write_whole(new / CASE_FILE, analysis.model_dump_json(indent=2) + "\n")
        remove_tree(self.final)
        new.rename(self.final)
        remove_tree(self.work)


@dataclass(frozen=True)
class Evidence:
    """What of the agent's folder is there."""

    output: Path | None
    other_files: tuple[str, ...]
    left_out: int


def remove_tree(folder: Path) -> None:
    """Also a tree too deep for Python's own removal, as an analyst may leave one.

    Raises ContractError when something of it stays.
    """
    if folder.exists() or folder.is_symlink():
        trees.remove(folder)
    if folder.exists() or folder.is_symlink():
        raise ContractError(f"{folder}: cannot be removed; remove it and start again")


def take_tree(
    source: Path, target: Path, without: frozenset[str], first: str = ""
) -> tuple[list[str], int]:
    """Copy regular files out of an untrusted folder; relative names taken, and how many were not.

    Of each folder those that end like `first` come first.

    Links, devices, files over the limits and the names in `without` stay where they are.
    """
    taken: list[str] = []
    left_out = total = 0
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        depth = len(here.relative_to(source).parts)
        if depth >= MAX_DEPTH:
            left_out += len(folders)
            folders.clear()
        folders[:] = sorted(f for f in folders if f not in ("__pycache__", ".cache", ".local"))
        for name in sorted(files, key=lambda name: (Path(name).suffix != Path(first).suffix, name)):
            relative = (here / name).relative_to(source)
            if not depth and name in without:
                continue
            size = _size(here / name)
            if size is None or len(taken) >= MAX_FILES or total + size > MAX_BYTES:
                left_out += 1
                continue
            try:
                done = take_file(here / name, target / relative, MAX_BYTES)
            except (ContractError, OSError):
                done = None
            if done is None:
                left_out += 1
                continue
            total += size
            taken.append(relative.as_posix())
    return taken, left_out


def _size(path: Path) -> int | None:
    """None for what is no regular file, or is gone."""
    try:
        return path.lstat().st_size if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None
