"""Bring SpreadsheetBench from its public home into data/, checked and safely unpacked.

`trace2skill data fetch --set verified` gives data/spreadsheetbench_verified/
spreadsheetbench_verified_400, the path of the published commands. Nothing here is trusted: sizes
and hashes are compared with SOURCES.lock.json, the archive is unpacked within bounds, and the
records must be the ones that the data set is known to hold.
"""

import contextlib
import datetime
import fcntl
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from react_agent.configfile import fitted
from react_agent.errors import ContractError, InfrastructureError
from react_agent.files import lock, read_json, write_json, write_whole
from react_agent.text import say
from spreadsheetbench.tasks.settings import LOCK

if TYPE_CHECKING:  # requests costs 200 ms, too much for --help
    from spreadsheetbench.tasks.download import Fetched

LICENCE = (
    "The data is SpreadsheetBench by RUCKBReasoning (Verified: with Shortcut.AI), CC BY-SA 4.0:\n"
    "https://creativecommons.org/licenses/by-sa/4.0/"
)
MARKER = ".fetched.json"
MOST = 2 << 30
"""No archive of this benchmark comes near two gigabytes."""


class Source(BaseModel, frozen=True):
    """One home of an archive. Where a hash is not known, the first one that is seen is kept."""

    home: str
    url: str
    size: int | None = None
    sha256: str | None = None


class Seen(BaseModel, frozen=True):
    """What an archive was when it was first accepted."""

    url: str
    size: int
    sha256: str
    fetched: str


class Lock(BaseModel, frozen=True):
    """data/SOURCES.lock.json: commit it to hold every later download to the same bytes."""

    archives: dict[str, Seen] = {}


@dataclass(frozen=True)
class Facts:
    """What is publicly known about the contents, checked after every download."""

    cell_level: int
    sheet_level: int
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class Archive:
    name: str
    folder: Path
    """Where the index lies in the end, below data/."""
    facts: Facts
    sources: tuple[Source, ...]


def _sources(*names: str) -> tuple[Source, ...]:
    hub = "https://huggingface.co/datasets/KAKA22/SpreadsheetBench/resolve/main/"
    git = "https://github.com/RUCKBReasoning/SpreadsheetBench/raw/main/data/"
    homes = (
        ("Hugging Face, dataset KAKA22/SpreadsheetBench", hub),
        ("GitHub, RUCKBReasoning/SpreadsheetBench, folder data/", git),
    )
    return tuple(Source(home=home, url=base + name) for home, base in homes for name in names)


ARCHIVES = {
    "verified": Archive(
        "spreadsheetbench_verified_400.tar.gz",
        Path("spreadsheetbench_verified/spreadsheetbench_verified_400"),
        Facts(cell_level=275, sheet_level=125, first="13-1", last="59902"),
        _sources("spreadsheetbench_verified_400.tar.gz"),
    ),
    "full": Archive(
        "spreadsheetbench_912_v0.1.tar.gz",
        Path("spreadsheetbench_912/spreadsheetbench_912"),
        Facts(cell_level=561, sheet_level=351),
        # The full set was renamed over the years; the first name that the home knows is taken.
        _sources(
            "spreadsheetbench_912_v0.1.tar.gz", "all_data_912_v0.1.tar.gz", "all_data_912.tar.gz"
        ),
    ),
}


async def bring(
    archive: Archive,
    into: Path,
    *,
    source: str | None = None,
    accept_new: bool = False,
    option: str = "verified",
) -> Path:
    """The data set's folder, fetched unless it is there. Raises ContractError."""
    target = into / archive.folder
    if target.exists():
        _check_facts(target, archive.facts)
        say(f"{target} is there already; nothing to do")
        return target
    into.mkdir(parents=True, exist_ok=True)
    with alone(into):
        if target.exists():
            return target
        for stale in into.glob(".unpacking-*"):  # of a start that was killed
            shutil.rmtree(stale, ignore_errors=True)
        if source is not None and _is_file(source) and Path(source).is_dir():
            folder = Path(source)
            if not (folder / archive.name).is_file():
                return _copy(archive, folder, target, into)
            source = str(folder / archive.name)
        again = f"--set {option}"
        fetched = await get(archive.name, archive.sources, into, source, again)
        try:
            lock = check_identity(
                archive.name, archive.sources, fetched, into / LOCK, accept_new=accept_new
            )
            _install(archive, fetched, target, lock, into)
        finally:
            if not _is_file(source):
                fetched.path.unlink(missing_ok=True)
    return target


def _is_file(source: str | None) -> bool:
    return source is not None and "://" not in source


@contextlib.contextmanager
def alone(into: Path) -> Iterator[None]:
    """Two fetches at once would write into one part file."""
    with (into / ".fetch.lock").open("w") as file:
        try:
            lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ContractError(f"{into}: another fetch is at work here; wait for it") from None
        yield


async def get(
    name: str, sources: Sequence[Source], into: Path, source: str | None, again: str
) -> "Fetched":
    """From the file or address that was given, else from the first home that has the file.

    `again` are the flags that name the data set.
    """
    from spreadsheetbench.tasks.download import Fetched, NotThere, download, sha256_of

    if source is not None and _is_file(source):
        path = Path(source)
        if not path.is_file():
            raise ContractError(f"--from {source}: no such file")
        return Fetched(path, path.name, path.stat().st_size, sha256_of(path), None)
    if source is not None and not re.match(r"https?://", source):
        raise ContractError(f"--from {public(source)}: only http, https and files")
    homes = [Source(home="--from", url=source)] if source is not None else sources
    failures: dict[str, str] = {}
    for home in homes:
        say(f"fetching {public(home.url)}", file=sys.stderr)
        try:
            return await download(home.url, into / name, most=MOST)
        except (NotThere, InfrastructureError) as error:
            failures[home.home] = str(error).replace(home.url, public(home.url))
    raise ContractError(
        "; ".join(f"{home}: {why}" for home, why in failures.items())
        + f". By hand: download {name} in a browser from {sources[0].url}, then "
        f"`trace2skill data fetch {again} --into {into} --from FILE`"
    )


def public(url: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    return re.sub(r"//[^/@]*@", "//", re.sub(r"[?#].*", "", url))


def check_identity(
    name: str, sources: Sequence[Source], fetched: "Fetched", path: Path, *, accept_new: bool
) -> Lock:
    """Size and hash against the table, the lock and what the home states; returns the new lock."""
    lock = _read_lock(path)
    pinned = next((s for s in sources if s.url == fetched.url and s.sha256), None)
    seen = lock.archives.get(name)
    expected = [
        ("the table in spreadsheetbench/tasks/fetch.py", pinned.sha256 if pinned else None),
        ("what the home itself states", fetched.published),
        (str(path), None if accept_new or seen is None else seen.sha256),
    ]
    for where, sha256 in expected:
        if sha256 and sha256 != fetched.sha256:
            raise ContractError(
                f"{name}: sha256 {fetched.sha256} ({fetched.size:,} bytes) is not {sha256}"
                f", which stands in {where}. Nothing was unpacked. Fetch again; if the home "
                "published a new version that you trust, add --accept_new"
            )
    if seen is None:
        say(
            f"first download of {name}: trusted as it came, {fetched.size:,} bytes, "
            f"sha256 {fetched.sha256}; noted in {path}"
        )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = Seen(url=public(fetched.url), size=fetched.size, sha256=fetched.sha256, fetched=now)
    if seen and seen.sha256 == fetched.sha256:
        entry = seen
    return Lock(archives=lock.archives | {name: entry})


def _read_lock(path: Path) -> Lock:
    if not path.exists():
        return Lock()
    hint = "; repair the file or remove it to trust afresh"
    return fitted(Lock, read_json(path), f"{path}: ", "the file", hint)


def _install(archive: Archive, fetched: "Fetched", target: Path, lock: Lock, into: Path) -> None:
    """Unpack beside the target, check the contents, then move into place in one step."""
    from spreadsheetbench.tasks.unpack import unpack

    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=into))
    try:
        files = unpack(fetched.path, scratch)
        found = _index_folder(scratch, fetched.path.name)
        _check_facts(found, archive.facts)
        write_json(into / LOCK, lock.model_dump())
        entry = lock.archives[archive.name]
        write_whole(found / MARKER, entry.model_dump_json(indent=2) + "\n")
        found.chmod(0o755)
        found.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"unpacked {files:,} files")


def _copy(archive: Archive, folder: Path, target: Path, into: Path) -> Path:
    """A data set that lies unpacked: checked, and moved into place in one step. Links are not
    followed: they could lead to anything. Raises ContractError."""
    found = _index_folder(folder, str(folder))
    _check_facts(found, archive.facts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into) as scratch:
        copy = shutil.copytree(found, Path(scratch) / "copy", symlinks=True)
        if links := [path for path in copy.rglob("*") if path.is_symlink()]:
            raise ContractError(f"{folder}: {links[0].relative_to(copy)} is a link; nothing copied")
        copy.rename(target)
    return target


def _index_folder(scratch: Path, name: str) -> Path:
    """Archives hold the data set in a folder of its own, whose name differs between versions."""
    for depth in ("dataset.json", "*/dataset.json", "*/*/dataset.json"):
        found = sorted(scratch.glob(depth))
        if len(found) == 1:
            return found[0].parent
        if found:
            break
    raise ContractError(f"{name}: holds {len(found)} data sets; expected one dataset.json")


def _check_facts(folder: Path, facts: Facts) -> None:
    from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset

    dataset = Dataset.load(folder)
    types = Counter(task.instruction_type for task in dataset.tasks)
    wanted = {CELL_LEVEL: facts.cell_level, SHEET_LEVEL: facts.sheet_level}
    wrong = [f"{types[t]} {t} instead of {n}" for t, n in wanted.items() if types[t] != n]
    if len(dataset.tasks) != sum(wanted.values()):
        wrong.append(f"{len(dataset.tasks)} records instead of {sum(wanted.values())}")
    first, last = dataset.tasks[0].id, dataset.tasks[-1].id
    if facts.first and (first, last) != (facts.first, facts.last):
        wrong.append(f"ids {first} to {last} instead of {facts.first} to {facts.last}")
    for task in dataset.tasks:
        try:
            dataset.cases(task)
            dataset.golds(task)
        except ContractError as error:
            wrong.append(str(error))
    if wrong:
        raise ContractError(
            f"{folder.name} is not the data set that was asked for: {'; '.join(wrong[:3])}"
            + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
            + ". Nothing was changed; move a broken folder away and fetch again"
        )
