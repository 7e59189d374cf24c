"""Bring the four skill folders released with the paper from their public home. Never committed.

The home is the GitHub repository Qwen-Applications/Trace2Skill, folder released_skills/. What it
holds today cannot be known beforehand: `released_skills/PINS.json` says what is pinned, and what a
first fetch finds is noted in `released_skills/RELEASED.lock.json` for all later ones to match.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel

from react_agent.cli import OK
from react_agent.configfile import read_record
from react_agent.errors import ContractError
from react_agent.files import SKILL_FILE, digest_tree, write_json
from react_agent.flags import run_stage
from react_agent.text import say
from react_agent.threads import in_thread
from skill_evolver.commands.settings import RELEASED_SKILLS, ReleasedSkills

HOME = "https://github.com/Qwen-Applications/Trace2Skill"
LOCK, PINS = "RELEASED.lock.json", "PINS.json"
MOST = 200 << 20
NO = "no skill was installed"


class Pins(BaseModel, frozen=True):
    """Revision and hashes that are known beforehand; null and {} say plainly: not pinned."""

    revision: str | None = None
    """A commit of the home. Without one `main` is fetched, whatever it is that day."""
    folders: dict[str, str] = {}
    """Skill folder to the hash of its files (`react_agent.files.digest_tree`)."""


def main(argv: list[str] | None = None) -> int:
    return run_stage(
        _fetch,
        ReleasedSkills,
        argv,
        "Bring the paper's four released skill folders into released_skills/.",
        "Their licences are shown first and asked for; two of the four forbid derivatives and "
        f"redistribution. Hashes pinned in {PINS} are compared; where none is pinned the first "
        f"fetch is trusted and noted in {LOCK}, and every later one must be the same.",
    )


async def _fetch(settings: ReleasedSkills) -> int:
    pins = _read(settings.into / PINS)
    revision = settings.revision or pins.revision or "main"
    settings.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch.", dir=settings.into) as name:
        folders = await _bring(settings.source, revision, Path(name))
        found = {path.name: digest_tree(path) for path in folders}
        _compare(found, pins.folders, f"the pins in {settings.into / PINS}")
        lock = _read(settings.into / LOCK)
        if not settings.accept_new:
            _compare(
                found, lock.folders, f"{settings.into / LOCK} (--accept-new takes them anyway)"
            )
        if not settings.accept_licences and not await in_thread(_agreed, folders):
            say(NO)
            return OK
        for path in folders:
            shutil.rmtree(settings.into / path.name, ignore_errors=True)
            path.rename(settings.into / path.name)
    write_json(settings.into / LOCK, Pins(revision=revision, folders=found).model_dump())
    known = "pinned" if pins.folders else f"trusted on first use and noted in {LOCK}"
    say(f"{', '.join(found)} from {HOME} at {revision}: {known}")
    return OK


async def _bring(source: str | None, revision: str, room: Path) -> list[Path]:
    from spreadsheetbench.tasks.download import download  # late: it brings an HTTP client
    from spreadsheetbench.tasks.unpack import unpack

    archive = Path(source) if source and "://" not in source else None
    if archive is None:
        url = source or f"{HOME}/archive/{revision}.tar.gz"
        archive = (await download(url, room / "home.tar.gz", most=MOST)).path
    elif not archive.is_file():
        raise ContractError(f"{archive}: no such file")
    (room / "home").mkdir()
    unpack(archive, room / "home")
    folders = sorted(
        path.parent
        for path in (room / "home").rglob(SKILL_FILE)
        if path.parent.parent.name == RELEASED_SKILLS
    )
    if not folders:
        raise ContractError(
            f"{source or HOME}: holds no {RELEASED_SKILLS}/<name>/SKILL.md at {revision}"
        )
    return folders


def _compare(found: dict[str, str], expected: dict[str, str], where: str) -> None:
    wrong = [name for name, value in expected.items() if found.get(name) != value]
    if wrong:
        raise ContractError(f"{', '.join(wrong)}: not what {where} says; {NO}")


def _read(path: Path) -> Pins:
    return read_record(Pins, path) if path.exists() else Pins()


def _agreed(folders: list[Path]) -> bool:
    """Show every licence, then ask; without a terminal the answer is no."""
    for folder in folders:
        licences = sorted(p for p in folder.iterdir() if p.name.upper().startswith("LICEN"))
        for licence in licences:
            say(f"--- {folder.name}/{licence.name}\n{licence.read_text(errors='replace')}")
        if not licences:
            say(f"--- {folder.name}: carries no licence of its own; the repository's applies")
    if not sys.stdin.isatty():
        say("no terminal to ask on; run again with --accept-licences")
        return False
    return input("Do you accept these licences? [y/N] ").strip().lower() in ("y", "yes")
