"""Bring one large file over HTTP: streamed to disk, resumed where it broke off, hashed at the end.

A download under way is `<target>.part`, with the server's validator in `<target>.part.tag`: a
part is only continued while the server still holds the very same file.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
import urllib3

from react_agent.aside import let_go
from react_agent.diskspace import require_space
from react_agent.errors import ContractError, InfrastructureError
from react_agent.files import write_whole
from react_agent.progressbar import progress
from react_agent.requesting import reason, trusted, unreachable

CHUNK = 1 << 18
TIMEOUT = (20, 60)
"""Seconds for a connection, and for the next bytes."""
ATTEMPTS = 5
"""In a row without a single new byte; a connection that makes progress may break any number of
times."""
PAUSE = 1.0
"""Seconds before going on, doubled by every fruitless attempt."""
UNPACKED = 2
"""Times its own size that an archive of workbooks takes once it is unpacked."""


class BrokenOff(requests.RequestException):
    """Another try may bring more."""


class NotThere(ContractError):
    """The server answers, but has no such file (or does not give it to us)."""


@dataclass(frozen=True)
class Fetched:
    path: Path
    url: str
    size: int
    sha256: str
    published: str | None
    """The sha256 that the home itself states in its reply, where it does."""


@dataclass
class _Reply:
    body: requests.Response
    start: int
    total: int | None
    tag: str
    published: str | None


async def download(url: str, target: Path, *, most: int) -> Fetched:
    """Fetch `url` into `target`, going on from an earlier part; gzip archives only.

    Raises NotThere (404 and other refusals), InfrastructureError (cannot be reached, keeps
    breaking off), ContractError (not an archive, larger than `most`), DiskLow.
    """
    return await let_go(partial(_download, url, target, most))


def _download(url: str, target: Path, most: int) -> Fetched:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    fruitless, came = 0, False
    with requests.Session() as session:
        session.verify = trusted()
        while True:
            before = _size(part)
            try:
                published = _continue(session, url, part, most)
                break
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                fruitless = 0 if _size(part) > before else fruitless + 1
                came = came or fruitless == 0
                # Waiting helps where bytes came before, not where there is no network at all.
                if fruitless >= ATTEMPTS or (not came and unreachable(error)):
                    kept = f" ({_size(part):,} bytes are kept)" if _size(part) else ""
                    raise InfrastructureError(f"{url}: {reason(error)}{kept}") from error
                time.sleep(PAUSE * 2**fruitless)
    part.replace(target)
    _tag_file(part).unlink(missing_ok=True)
    return Fetched(target, url, target.stat().st_size, sha256_of(target), published)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _continue(session: requests.Session, url: str, part: Path, most: int) -> str | None:
    """Append what is missing to `part`; returns the sha256 that the home states."""
    with _ask(session, url, part) as reply:
        if reply.total is not None:
            _check_room(url, part, reply.total, reply.start, most)
        if not reply.start:
            part.write_bytes(b"")
            write_whole(_tag_file(part), reply.tag)
        with (
            part.open("r+b") as file,
            progress(
                desc=part.name.removesuffix(".part"),
                initial=reply.start,
                total=reply.total,
                unit="B",
                unit_scale=True,
            ) as bar,
        ):
            file.truncate(reply.start)
            file.seek(reply.start)
            for chunk in reply.body.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))
                if file.tell() > most:
                    raise ContractError(f"{url}: is larger than {most:,} bytes")
        if reply.total is not None and _size(part) < reply.total:
            raise BrokenOff(f"broke off at {_size(part):,} of {reply.total:,}")
        return reply.published


@contextlib.contextmanager
def _ask(session: requests.Session, url: str, part: Path) -> Iterator[_Reply]:
    """Ask for the rest of `part`, or for everything where it cannot be continued."""
    held, tag = _size(part), _read_tag(part)
    headers = {"Accept-Encoding": "identity"}
    if held and tag:
        headers |= {"Range": f"bytes={held}-", "If-Range": tag}
    with session.get(url, headers=headers, timeout=TIMEOUT, stream=True) as body:
        if body.status_code == 416:
            part.unlink()
            raise BrokenOff("the part on the disk does not fit the server's file")
        if body.status_code == 429 or body.status_code >= 500:
            raise BrokenOff(f"HTTP {body.status_code}")
        if body.status_code not in (200, 206):
            raise NotThere(f"{url}: HTTP {body.status_code} {body.reason or ''}".rstrip())
        if url.startswith("https:") and not body.url.startswith("https:"):
            raise NotThere(f"{url}: redirects to an address without encryption")
        if body.headers.get("Content-Type", "").startswith("text/html"):
            raise NotThere(f"{url}: answers with a web page, not with a file")
        length = body.headers.get("Content-Length", "")
        start, total = 0, int(length) if length.isdecimal() else None
        if body.status_code == 206:
            start, total = _content_range(url, body.headers, held)
        stated = [_stated_hash(r.headers) for r in (*body.history, body)]
        yield _Reply(body, start, total, _validator(body.headers), next(filter(None, stated), None))


def _read_tag(part: Path) -> str:
    try:
        return _tag_file(part).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _validator(headers: Mapping[str, str]) -> str:
    """Only a strong entity tag says that the bytes are the same; dates are good enough else."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def _stated_hash(headers: Mapping[str, str]) -> str | None:
    """Hugging Face states the sha256 of large files in the reply that redirects to the store."""
    tag = headers.get("X-Linked-ETag", "").strip('"').lower()
    return tag if re.fullmatch(r"[0-9a-f]{64}", tag) else None


def _content_range(url: str, headers: Mapping[str, str], held: int) -> tuple[int, int | None]:
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if not found or int(found[1]) != held:
        raise ContractError(f"{url}: the server resumes at another place than asked")
    return held, None if found[2] == "*" else int(found[2])


def _check_room(url: str, part: Path, total: int, start: int, most: int) -> None:
    if total > most:
        raise ContractError(f"{url}: {total:,} bytes, more than the {most:,} that are allowed")
    require_space(part.parent, total - start + UNPACKED * total)
