"""Downloads against a real server that breaks off, changes its files and sends hostile archives."""

import asyncio
import fcntl
import json
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from hostile.archives import ARCHIVES, MEMBERS, add, packed

from react_agent.errors import ContractError
from spreadsheetbench.tasks import download as download_module
from spreadsheetbench.tasks.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset
from spreadsheetbench.tasks.download import sha256_of
from spreadsheetbench.tasks.fetch import Archive, Facts, Source, bring, public
from spreadsheetbench.tasks.unpack import Limits, unpack
from trace2skill.fetching import main


def records(sheet_level: int, cell_level: int) -> list[dict[str, str]]:
    total = sheet_level + cell_level
    ids = ["13-1", *(str(1000 + n) for n in range(total - 2)), "59902"]
    types = [SHEET_LEVEL] * sheet_level + [CELL_LEVEL] * cell_level
    return [
        {
            "id": i,
            "instruction": "do it",
            "spreadsheet_path": f"spreadsheet/{i}",
            "instruction_type": t,
            "answer_position": "A1",
        }
        for i, t in zip(ids, types, strict=True)
    ]


def archive_of(rows: list[dict[str, str]], *, note: bytes = b"", folder: str = "set_v1") -> bytes:
    def fill(tar: tarfile.TarFile) -> None:
        add(tar, f"{folder}/dataset.json", json.dumps(rows).encode())
        add(tar, f"{folder}/._dataset.json", b"left by macOS")
        for row in rows:
            for role in ("init", "golden"):
                name = f"{folder}/spreadsheet/{row['id']}/1_{row['id']}_{role}.xlsx"
                add(tar, name, row["id"].encode() + note)

    return packed(fill)


class Server:
    """Serves `content` with ranges; `cut_after` bytes of each reply the connection breaks."""

    def __init__(self) -> None:
        self.content = b""
        self.tag: str | None = '"one"'
        self.cut_after: int | None = None
        self.ranges: list[str | None] = []
        self.headers: dict[str, str] = {}
        self.status = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range"))
        if self.status:
            return web.Response(status=self.status)
        start, status = 0, 200
        headers = dict(self.headers)
        wanted = request.headers.get("Range")
        if wanted and request.headers.get("If-Range") == self.tag:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        if self.tag:
            headers["ETag"] = self.tag
        reply = web.StreamResponse(status=status, headers=headers)
        reply.content_length = len(self.content) - start
        reply.content_type = "application/gzip"
        await reply.prepare(request)
        body = self.content[start:]
        if self.cut_after is not None and len(body) > self.cut_after:
            await reply.write(body[: self.cut_after])
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return reply
        await reply.write(body)
        return reply


@pytest.fixture
def server() -> Iterator[Server]:
    state, ready, loop = Server(), threading.Event(), asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{name}", state.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        state.url = f"http://{host}:{port}/set.tar.gz"
        ready.set()
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10)
    yield state
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


SMALL = records(2, 3)


def small(*urls: str) -> Archive:
    sources = tuple(Source(home=f"home {n}", url=url) for n, url in enumerate(urls, start=1))
    return Archive("set.tar.gz", Path("small/set"), Facts(3, 2, "13-1", "59902"), sources)


def fetch(archive: Archive, into: Path, **more: object) -> Path:
    return asyncio.run(bring(archive, into, **more))  # type: ignore[arg-type]


def test_the_command_gives_the_path_of_the_published_commands(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.content = archive_of(records(125, 275))
    flags = ["--into", str(tmp_path / "data"), "--from", server.url]
    assert main(flags) == 0
    folder = tmp_path / "data/spreadsheetbench_verified/spreadsheetbench_verified_400"
    assert len(Dataset.load(folder).tasks) == 400
    assert not list(folder.rglob("._*"))
    out = capsys.readouterr().out
    assert "CC BY-SA 4.0" in out
    assert "trusted as it came" in out
    kept = json.loads((tmp_path / "data/SOURCES.lock.json").read_text())["archives"]
    entry = kept["spreadsheetbench_verified_400.tar.gz"]
    assert entry["size"] == len(server.content)
    assert len(entry["sha256"]) == 64
    left = {p.name for p in (tmp_path / "data").iterdir()}
    assert left == {"spreadsheetbench_verified", "SOURCES.lock.json", ".fetch.lock"}

    asked = len(server.ranges)
    assert main(flags) == 0
    assert len(server.ranges) == asked
    assert "there already" in capsys.readouterr().out


def test_a_broken_connection_is_resumed_where_it_broke(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
    server.content = archive_of(SMALL, note=bytes(range(256)) * 40)
    server.cut_after = len(server.content) // 3 + 1
    fetch(small(server.url), tmp_path)
    third = server.cut_after
    assert server.ranges == [None, f"bytes={third}-", f"bytes={2 * third}-"]


def test_a_part_of_an_earlier_start_is_used(server: Server, tmp_path: Path) -> None:
    server.content = archive_of(SMALL)
    (tmp_path / "set.tar.gz.part").write_bytes(server.content[:50])
    (tmp_path / "set.tar.gz.part.tag").write_text('"one"')
    (tmp_path / ".unpacking-killed" / "set").mkdir(parents=True)
    fetch(small(server.url), tmp_path)
    assert server.ranges == ["bytes=50-"]
    assert not list(tmp_path.glob(".unpacking-*"))


@pytest.mark.parametrize("tag", ['"another"', ""])
def test_a_part_of_another_version_is_not_continued(
    server: Server, tmp_path: Path, tag: str
) -> None:
    server.content = archive_of(SMALL)
    (tmp_path / "set.tar.gz.part").write_bytes(b"\x1f\x8bolder bytes")
    (tmp_path / "set.tar.gz.part.tag").write_text(tag)
    assert fetch(small(server.url), tmp_path).is_dir()


def test_a_server_that_never_gets_on_ends_with_the_part_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
    server.content = archive_of(SMALL, note=bytes(range(256)) * 40)
    server.cut_after, server.tag = 100, None  # no validator: each try begins anew
    with pytest.raises(ContractError, match=r"By hand: download set\.tar\.gz in a browser"):
        fetch(small(server.url), tmp_path)
    assert len(server.ranges) == download_module.ATTEMPTS + 1
    assert not (tmp_path / "small").exists()


def test_a_later_download_that_differs_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = archive_of(SMALL)
    first = fetch(small(server.url), tmp_path)
    before = (tmp_path / "SOURCES.lock.json").read_bytes()
    first.rename(tmp_path / "moved")
    server.content = archive_of(SMALL, note=b" changed")
    with pytest.raises(ContractError, match=r"sha256 .*SOURCES\.lock\.json.*--accept_new"):
        fetch(small(server.url), tmp_path)
    assert not first.exists()
    assert (tmp_path / "SOURCES.lock.json").read_bytes() == before
    fetch(small(server.url), tmp_path, accept_new=True)
    assert (tmp_path / "SOURCES.lock.json").read_bytes() != before


def test_a_hash_that_the_home_states_must_hold(server: Server, tmp_path: Path) -> None:
    server.content = archive_of(SMALL)
    server.headers = {"X-Linked-ETag": '"' + "0" * 64 + '"'}
    with pytest.raises(ContractError, match="what the home itself states"):
        fetch(small(server.url), tmp_path)
    assert not (tmp_path / "small").exists()


def test_a_hash_in_the_table_must_hold_even_with_accept_new(server: Server, tmp_path: Path) -> None:
    server.content = archive_of(SMALL)
    source = Source(home="home", url=server.url, sha256="0" * 64)
    archive = Archive("set.tar.gz", Path("small/set"), Facts(3, 2), (source,))
    with pytest.raises(ContractError, match="the table in"):
        fetch(archive, tmp_path, accept_new=True)


def test_the_second_home_is_asked_when_the_first_does_not_have_it(
    server: Server, tmp_path: Path
) -> None:
    server.content = archive_of(SMALL)
    dead = "http://127.0.0.1:1/set.tar.gz"
    assert fetch(small(dead, server.url), tmp_path).is_dir()


def test_no_server_names_homes_and_the_way_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "http://user:hidden@127.0.0.1:1/x.tar.gz?token=hidden"
    assert main(["--into", str(tmp_path), "--from", address]) == 2
    shown = capsys.readouterr()
    assert "http://127.0.0.1:1/x.tar.gz" in shown.err
    assert "huggingface.co/datasets/KAKA22/SpreadsheetBench" in shown.err
    assert "--from FILE" in shown.err
    assert [line[:5] for line in shown.err.splitlines()] == ["fetch", "error"]
    assert "hidden" not in shown.out + shown.err


def test_a_missing_file_at_the_home_is_said(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(ContractError, match="HTTP 404"):
        fetch(small(server.url), tmp_path)


def test_a_web_page_is_no_archive(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>Sign in to go on</html>"
    with pytest.raises(ContractError, match=r"is damaged or no \.tar\.gz"):
        fetch(small(server.url), tmp_path)


def test_a_file_of_the_user_is_taken_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "set.tar.gz"
    file.write_bytes(archive_of(SMALL))
    assert fetch(small("http://127.0.0.1:1/"), tmp_path, source=str(file)).is_dir()
    assert file.exists()


@pytest.mark.parametrize("source", ["nowhere.tar.gz", "ftp://example.org/x.tar.gz"])
def test_an_impossible_source_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    assert main(["--into", str(tmp_path), "--from", source]) == 2
    assert source in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (records(2, 4), "4 Cell-Level Manipulation instead of 3"),
        (records(3, 2), "3 Sheet-Level Manipulation instead of 2"),
        (list(reversed(SMALL)), "instead of"),
    ],
)
def test_another_data_set_is_refused(
    tmp_path: Path, rows: list[dict[str, str]], reason: str
) -> None:
    file = tmp_path / "set.tar.gz"
    file.write_bytes(archive_of(rows))
    with pytest.raises(ContractError, match=reason):
        fetch(small(), tmp_path, source=str(file))
    assert {p.name for p in tmp_path.iterdir()} <= {"set.tar.gz", "small", ".fetch.lock"}
    assert not list((tmp_path / "small").iterdir())


def test_records_without_workbooks_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "set.tar.gz"
    file.write_bytes(packed(lambda tar: add(tar, "d/dataset.json", json.dumps(SMALL).encode())))
    with pytest.raises(ContractError, match="task 13-1: no folder"):
        fetch(small(), tmp_path, source=str(file))


def test_two_fetches_at_once_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "set.tar.gz"
    file.write_bytes(archive_of(SMALL))
    with (tmp_path / ".fetch.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ContractError, match="another fetch is at work"):
            fetch(small(), tmp_path, source=str(file))


def test_a_broken_lock_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "set.tar.gz"
    file.write_bytes(archive_of(SMALL))
    (tmp_path / "SOURCES.lock.json").write_text('{"archives": {"set.tar.gz": {"size": "many"}}}')
    with pytest.raises(ContractError, match=r"SOURCES.lock.json: archives.set.tar.gz"):
        fetch(small(), tmp_path, source=str(file))


def test_secrets_in_an_address_are_dropped() -> None:
    assert public("https://me:pw@host/a.gz?token=1#x") == "https://host/a.gz"


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_hostile_archive_is_refused(tmp_path: Path, kind: str) -> None:
    fill, reason = MEMBERS[kind]
    folder = tmp_path / "in" / "it"
    folder.mkdir(parents=True)
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(packed(fill))
    with pytest.raises(ContractError, match=reason):
        unpack(archive, folder, Limits(members=20, member_bytes=5 << 19, total_bytes=8 << 20))
    assert {p.name for p in tmp_path.iterdir()} == {"x.tar.gz", "in"}
    assert not any(p.is_symlink() for p in folder.rglob("*"))


def test_a_header_that_claims_exabytes_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(ARCHIVES["a claim of exabytes"]())
    with pytest.raises(ContractError, match="claims 1,152,921,504,606,846,976 bytes"):
        unpack(archive, tmp_path)


def test_an_extended_header_of_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(ARCHIVES["an extended header of gigabytes"]())
    tracemalloc.start()
    with pytest.raises(ContractError, match="larger than any header"):
        unpack(archive, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize("where", ["in a member", "after the end"])
def test_a_bomb_is_refused(tmp_path: Path, where: str) -> None:
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(ARCHIVES[f"a bomb {where}"]())
    with pytest.raises(ContractError, match=r"a bomb\?"):
        unpack(archive, tmp_path)


@pytest.mark.parametrize("damage", ["cut off", "one bit flipped", "no gzip", "empty"])
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: str) -> None:
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(ARCHIVES[damage]())
    with pytest.raises(ContractError, match=r"x.tar.gz"):
        unpack(archive, tmp_path)


def test_modes_and_owners_of_the_archive_mean_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(packed(lambda t: add(t, "tool", mode=0o6777, uid=0)))
    assert unpack(archive, tmp_path) == 1
    assert (tmp_path / "tool").stat().st_mode & 0o7777 & ~0o644 == 0
    assert sha256_of(tmp_path / "tool")


@pytest.mark.parametrize("packed_up", [True, False])
def test_a_folder_of_the_user_is_taken_and_kept(tmp_path: Path, packed_up: bool) -> None:
    folder, archive = tmp_path / "mine", tmp_path / "mine" / "set.tar.gz"
    folder.mkdir()
    archive.write_bytes(archive_of(SMALL))
    if not packed_up:
        unpack(archive, folder)
        archive.unlink()
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    into = tmp_path / "data"
    found = fetch(small("http://127.0.0.1:1/"), into, source=str(folder))
    assert len(Dataset.load(found).tasks) == 5
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before
    assert not list(into.glob(".unpacking-*"))


def test_a_folder_with_links_or_of_another_set_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "one.tar.gz").write_bytes(archive_of(SMALL))
    unpack(tmp_path / "one.tar.gz", folder)
    (folder / "set_v1" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(ContractError, match="passwd is a link"):
        fetch(small(), tmp_path / "data", source=str(folder))
    with pytest.raises(ContractError, match="holds 0 data sets"):
        fetch(small(), tmp_path / "data", source=str(folder / "set_v1" / "spreadsheet"))
    assert not (tmp_path / "data" / "small" / "set").exists()
