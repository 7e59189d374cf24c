"""`trace2skill data fetch`: a benchmark's data from its public home, or from a folder of yours."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.settings import Settings, setting
from react_agent.text import say

if TYPE_CHECKING:
    from trace2skill.homes import Home

ABOUT = "Bring a benchmark's data into data/: download, check, unpack."
EPILOG = (
    "Hashes are not known beforehand: the first download is trusted (it must be what the home "
    "states, where it states a hash, and hold the known records) and noted in SOURCES.lock.json; "
    "every later one must be the same. Nothing is redistributed; the licence is shown."
)
SETS = Literal["verified", "full", "test", "dapo", "aime2026", "validation"]
FIRST = {"spreadsheetbench": "verified", "math": "dapo", "docvqa": "validation"}


@dataclass(frozen=True, kw_only=True)
class FetchData(Settings):
    """Which data, and where from."""

    domain: Literal["spreadsheetbench", "wikitablequestions", "hitab", "math", "docvqa"] = setting(
        "the benchmark", "spreadsheetbench"
    )
    set: SETS | None = setting(
        "spreadsheetbench: verified, the paper's 400 tasks, or full, all 912; math: dapo or "
        "aime2026; the others have one",
        None,
        default_text="the first of them",
    )
    into: Path = setting("where data sets lie", Path("data"))
    source: str | None = setting(
        "take it from here, not from its home: the file, or a folder with it or with the data",
        None,
        flag="from",
        unit="URL_FILE_OR_FOLDER",
    )
    accept_new: bool = setting(
        "the file may differ from SOURCES.lock.json; the new hash is noted", False
    )


def main(argv: list[str] | None = None) -> int:
    return run_stage(_fetch, FetchData, argv, ABOUT, EPILOG)


async def _fetch(settings: FetchData) -> int:
    from react_agent.errors import ContractError
    from spreadsheetbench.tasks import fetch
    from trace2skill.homes import HOMES

    chosen = settings.set or FIRST.get(settings.domain, "test")
    if settings.domain == "spreadsheetbench" and chosen in ("verified", "full"):
        folder = await fetch.bring(
            fetch.ARCHIVES[chosen],
            settings.into,
            source=settings.source,
            accept_new=settings.accept_new,
            option=chosen,
        )
        say(f"{folder}\n{fetch.LICENCE}")
        return OK
    home = HOMES.get((settings.domain, chosen))
    if home is None:
        known = [name for domain, name in HOMES if domain == settings.domain]
        names = ", ".join(known or ["verified", "full"])
        raise ContractError(f"--set {chosen}: {settings.domain} has {names}")
    folder = await bring(home, chosen, settings)
    say(f"{folder}\n{home.use}\n{home.licence}")
    return OK


async def bring(home: "Home", chosen: str, settings: FetchData) -> Path:
    """The data set's folder, fetched unless it is there. Raises ContractError."""
    from spreadsheetbench.tasks.fetch import alone

    target = settings.into / home.folder
    if target.exists():
        check(home, target)
        return target
    settings.into.mkdir(parents=True, exist_ok=True)
    with alone(settings.into):
        scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=settings.into))
        try:
            given = Path(settings.source) if settings.source else None
            if given is None or not given.is_dir():
                given = scratch / "raw"
                await _download(home, chosen, settings, given)
            made = scratch / "made"
            made.mkdir()
            home.arrange(given, made)
            check(home, made)
            made.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


async def _download(home: "Home", chosen: str, settings: FetchData, raw: Path) -> None:
    from react_agent.errors import ContractError
    from react_agent.files import write_json
    from spreadsheetbench.tasks.fetch import check_identity, get
    from spreadsheetbench.tasks.settings import LOCK
    from spreadsheetbench.tasks.unpack import unpack

    again = f"--domain {home.domain} --set {chosen}"
    if settings.source and len(home.files) > 1:
        raise ContractError(
            f"--from {settings.source}: {home.domain} comes in {len(home.files)} files; give the "
            "folder in which they lie"
        )
    raw.mkdir()
    for remote in home.files:
        fetched = await get(remote.name, remote.sources, settings.into, settings.source, again)
        lock = check_identity(
            remote.name,
            remote.sources,
            fetched,
            settings.into / LOCK,
            accept_new=settings.accept_new,
        )
        if remote.name.endswith(".tar.gz"):
            unpack(fetched.path, raw)
        else:
            shutil.copyfile(fetched.path, raw / f"{len(list(raw.iterdir()))}-{remote.name}")
        write_json(settings.into / LOCK, lock.model_dump())
        if fetched.path.parent == settings.into and fetched.path.name == remote.name:
            fetched.path.unlink()


def check(home: "Home", folder: Path) -> None:
    """Raises ContractError where the data set is not the known one, or a task has no input."""
    from react_agent.errors import ContractError
    from react_agent.registry import DOMAINS, find

    domain = find(DOMAINS, "--domain", home.domain)(folder)
    wrong: list[str] = []
    if home.tasks is not None and len(domain.tasks) != home.tasks:
        wrong.append(f"{len(domain.tasks)} tasks instead of {home.tasks}")
    for task in domain.tasks:
        try:
            domain.cases(task.id)
        except ContractError as error:
            wrong.append(str(error))
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ContractError(
            f"{folder.name} is not the data set that was asked for: {'; '.join(wrong[:3])}{more}. "
            "Nothing was changed; move a broken folder away and fetch again"
        )
