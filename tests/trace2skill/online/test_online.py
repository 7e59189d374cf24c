"""A skill learns from its user's sessions: wizard, hook, rounds, and the user's decisions."""

import ast
import asyncio
import json
import os
import resource
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from online import KEY, OTHERS, Person, cli, handler, round_file, started, until
from pages import cells, run_cell
from project import clients_folder
from sessionfiles import work_day
from stub_server import StubServer

from react_agent.errors import ContractError
from react_agent.skills import Skill, list_backups
from trace2skill import (
    BringBack,
    OfSkill,
    Reject,
    TakeOut,
    online_bring_back,
    online_reject,
    online_status,
    online_take_out,
)
from trace2skill.cli import main
from trace2skill.online import hook
from trace2skill.online.rounds import latest, rejected

REAL_PATH = os.environ.get("PATH", "")
URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("CLAUDE_CONFIG_DIR", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    kept = dict(os.environ)
    yield Person(home)
    os.environ.clear()
    os.environ.update(kept)


def test_the_whole_loop_from_the_wizard_to_the_rollback(
    person: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    async def scenario() -> None:
        async with StubServer(handler(seen)) as server:
            before = Skill.load(person.skill)
            assert await cli("init-claude-code", *person.flags(server.url)) == 0
            home = person.online()
            for number in range(1, 6, 2):  # two sessions end at once
                some = [person.ends(person.session(n)) for n in (number, number + 1) if n < 6]
                for process in some:
                    said, _ = await asyncio.to_thread(process.communicate)
                    assert (process.returncode, said) == (0, b"")
            await until(lambda: latest(home, "staged") is not None)
            one = round_file(home, 1)
            assert len(one["sessions"]) == 5
            assert Skill.load(person.skill).digest == before.digest
            capfd.readouterr()
            assert await cli("online", "show") == 0
            shown = capfd.readouterr().out
            for word in ("+- Keep dates as dates", "no truth", "correction", "calls of m, ", "L1"):
                assert word in shown
            assert await cli("online", "adopt") == 0
            told = capfd.readouterr().out.partition("the one before: ")[2].splitlines()[0]
            assert Skill.load(Path(told)).digest == before.digest
            adopted = Skill.load(person.skill)
            assert "Keep dates as dates" in adopted.text
            line = adopted.text[: adopted.text.index("Keep dates as dates")].count("\n") + 1
            assert await cli("blame", f"{person.skill}/SKILL.md:{line}") == 0
            assert "not judged; log" in capfd.readouterr().out
            assert await cli("rollback", "--config", str(home.config)) == 0
            assert Skill.load(person.skill).digest == before.digest
            assert round_file(home, 1)["state"] == "rolled back"
            assert await cli("online", "adopt") == 2

    asyncio.run(scenario())
    assert any("correction: No, you forgot the header row" in prompt for prompt in seen)
    assert not any("marta" in prompt for prompt in seen)
    paid = [prompt for prompt in seen if "Memory Item" in prompt]
    assert len(paid) == len(set(paid)) == 10


def test_the_page_s_cell_goes_from_the_hook_to_the_adoption(
    person: Person, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        (cell,) = cells("online.md")
        before, _, after = cell.partition("learnt =")
        names: dict[str, Any] = {}
        async with StubServer(handler([])) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
            await run_cell(before, names)
            for number in (1, 2):
                person.ends(person.session(number)).wait()
            await run_cell(f"learnt ={after}", names)
            status = await online_status(OfSkill())
            assert (status.hooked, status.staged, status.used.calls > 0) == (True, None, True)
            assert [one.state for one in status.rounds] == ["adopted"]
            assert "Keep dates as dates" in Skill.load(person.skill).text
            await online_bring_back(BringBack())
            assert "Keep dates as dates" not in Skill.load(person.skill).text
            with pytest.raises(ContractError, match="no skill is staged"):
                await online_reject(Reject(reason="too late"))
            assert await online_take_out(TakeOut())
            assert not (await online_status(OfSkill())).hooked

    asyncio.run(scenario())
    assert "+- Keep dates as dates" in capfd.readouterr().out


def test_what_is_rejected_does_not_come_again(person: Person) -> None:
    seen: list[str] = []

    async def scenario() -> None:
        async with StubServer(handler(seen)) as server:
            flags = [*person.flags(server.url), "--by_hand", "--after", "2"]
            assert await cli("online", "init", *flags) == 0
            home = person.online()
            for number in (1, 2):
                person.ends(person.session(number)).wait()
            process = await started("evolve-online")
            assert await process.wait() == 0
            assert await cli("online", "reject", "--reason", "our dates are texts") == 0
            assert "Keep dates as dates when cells are written" in {
                entry.title for entry in rejected(home)
            }
            for number in (3, 4):
                person.ends(person.session(number)).wait()
            asked = len(seen)
            process = await started("online", "run")
            said, _ = await process.communicate()
            assert process.returncode == 0
            assert all("our dates are texts" in prompt for prompt in seen[asked:])
            assert round_file(home, 2)["state"] == "nothing"
            assert "rejected before" in said.decode()

    asyncio.run(scenario())


def test_a_killed_round_goes_on_and_a_cap_holds(person: Person) -> None:
    seen: list[str] = []
    inner = handler(seen)
    victim: list[asyncio.subprocess.Process] = []

    async def killing(body: dict[str, Any]) -> Any:
        answer = await inner(body)
        if len(seen) == 3 and victim:
            victim.pop().kill()
        return answer

    async def scenario() -> None:
        async with StubServer(killing) as server:
            flags = [*person.flags(server.url), "--by_hand", "--after", "2", "--day_calls", "7"]
            assert await cli("online", "init", *flags) == 0
            home = person.online()
            for number in (1, 2):
                person.ends(person.session(number)).wait()
            first = await started("online", "run")
            victim.append(first)
            assert await first.wait() == -9
            second = await started("online", "run")
            said, _ = await second.communicate()
            assert second.returncode == 1
            assert "cap of 7 calls" in said.decode()
            assert len(seen) in (6, 7)  # one may have been cut off on its way
            text = home.config.read_text().replace("day_calls: 7", "day_calls: 70")
            home.config.write_text(text)
            third = await started("online", "run")
            assert await third.wait() == 0
            assert latest(home, "staged")
            assert [path.name for path in home.rounds.iterdir()] == ["0001"]

    asyncio.run(scenario())
    assert len(seen) - len(set(seen)) <= 4, "only what was in flight at the kill is asked again"


def test_a_staged_skill_is_not_put_over_a_change_of_the_users(person: Person) -> None:
    async def scenario() -> None:
        async with StubServer(handler([])) as server:
            flags = [*person.flags(server.url), "--by_hand", "--after", "1"]
            assert await cli("online", "init", *flags) == 0
            person.ends(person.session(1)).wait()
            assert await (await started("online", "run")).wait() == 0

    asyncio.run(scenario())
    (person.skill / "mine.md").write_text("My own.\n")
    mine = Skill.load(person.skill)
    assert main(["online", "adopt"]) == 2
    assert Skill.load(person.skill).digest == mine.digest
    assert main(["online", "adopt", "--force"]) == 0
    assert not (person.skill / "mine.md").exists()
    assert any(Skill.load(copy).digest == mine.digest for copy in list_backups(person.skill))
    assert main(["online", "rollback"]) == 0
    assert Skill.load(person.skill).digest == mine.digest


def test_the_hook_goes_in_beside_others_and_out_alone(person: Person) -> None:
    before = json.loads(person.settings.read_text())
    person.settings.chmod(0o600)
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    value = json.loads(person.settings.read_text())
    assert value["hooks"]["SessionEnd"][0] == {"hooks": [OTHERS]}
    assert len(value["hooks"]["SessionEnd"]) == 2
    home = person.online()
    private = (person.settings, home.config, home.config.parent / ".env")
    assert [stat.S_IMODE(file.stat().st_mode) for file in private] == [0o600] * 3
    assert KEY in private[2].read_text()
    assert KEY not in home.config.read_text() + person.settings.read_text()
    (copy,) = person.settings.parent.glob("settings.json.before-*")
    assert json.loads(copy.read_text()) == before
    assert main(["online", "uninstall"]) == 0
    assert json.loads(person.settings.read_text()) == before
    assert main(["online", "uninstall"]) == 0


def test_settings_of_ones_own_are_kept_when_the_wizard_comes_again(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    home = person.online()
    with home.config.open("a") as file:
        file.write("day_calls: 7\n")
    mine = home.config.read_text()
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    (copy,) = home.config.parent.glob(f"{home.config.name}.before-*")
    assert copy.read_text() == mine
    assert f"{home.config} (as it was: {copy.name})" in capsys.readouterr().out
    assert main(["online", "status"]) == 0, "a copy is no settings"


@pytest.mark.parametrize(
    "text",
    [
        '{"hooks": {',
        "// a comment\n{}",
        "[]",
        '{"hooks": []}',
        '{"hooks": {"SessionEnd": {"hooks": []}}}',
        '{"hooks": {"SessionEnd": ["echo"]}}',
        '{"model": "a", "model": "b"}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "[" * 100_000,
    ],
)
def test_settings_that_are_not_plain_are_refused_and_left_alone(
    person: Person, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    person.settings.write_text(text)
    files = sorted(person.home.rglob("*"))
    assert main(["online", "init", *person.flags(URL)]) == 2
    said = capsys.readouterr().err
    assert "nothing was changed" in said
    assert len(said.splitlines()) == 1
    assert person.settings.read_text() == text
    assert sorted(person.home.rglob("*")) == files


def test_a_hook_that_does_not_fire_is_taken_out_again(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads(person.settings.read_text())
    folder = person.home / ".trace2skill" / "sheets"
    folder.mkdir(parents=True)
    (folder / "checked").write_text("a file where a folder has to be\n")
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 2
    assert "does not fire" in capsys.readouterr().err
    assert json.loads(person.settings.read_text()) == before


@pytest.mark.parametrize(
    "told",
    [b"", b"no json", b"[]", b"{}", b'{"session_id": 1}', b'"' + b"x" * 900_000, b"[" * 200_000],
)
def test_the_hook_never_disturbs_its_client(person: Person, told: bytes) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    process = person.ends(told)
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert not list(person.online().notes())
    assert (person.online().folder / "hook.log").read_text()
    assert main(["online", "status"]) == 0


def test_sessions_that_must_not_be_read_are_left_out_with_the_reason(
    person: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    outside = work_day("of-somebody-else").write(tmp_path / "elsewhere")
    link = person.home / ".claude" / "projects" / "linked.jsonl"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    quiet = person.home / ".claude" / "projects" / "quiet.jsonl"
    quiet.write_text("no line of a session\n")
    for name, file in {
        "outside": outside,
        "linked": link,
        "gone": quiet.with_name("gone.jsonl"),
        "quiet": quiet,
        "../../up": Path("/etc/passwd"),
    }.items():
        person.ends({"session_id": name, "transcript_path": str(file)}).wait()
    home = person.online()
    (home.spool / "torn.json").write_text("{")
    assert sorted(p.name for p in home.spool.iterdir())[0] == "------up.json"
    assert main(["online", "run", "--now"]) == 0
    said = capsys.readouterr().out
    assert said.count("lies outside") == 3
    assert "gone.jsonl: no such file" in said
    assert "torn: left out (the note cannot be read)" in said
    assert "0 of 5 sessions wait" in said
    assert not list(home.notes())
    assert not home.sessions.exists()


def test_two_starts_do_not_collide_and_settings_are_checked(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    from react_agent.lock import only_start

    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    home = person.online()
    with only_start(home.folder):
        assert main(["online", "run"]) == 2
    assert "is being worked on by" in capsys.readouterr().err
    for text, why in (
        ("skill: [", "cannot be read as YAML"),
        ("- a", "has to be a mapping"),
        ("skill: x\nmodel: m\nafterr: 3", "unknown key 'afterr'"),
        ("skill: x\nmodel: m\nafter: 0", "after: 0 is not a number of at least 1"),
        ("skill: x", "model: "),
    ):
        home.config.write_text(text)
        assert main(["online", "status"]) == 2
        said = capsys.readouterr().err
        assert why in said, said
        assert str(home.config) in said


def test_the_hook_takes_little_time_and_imports_nothing_of_ours(person: Person) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    home = person.online()
    code = (
        "import runpy, sys; sys.argv[:] = sys.argv[1:]; runpy.run_path(sys.argv[0], None, "
        "'__main__'); print(sorted(sys.modules))"
    )
    told = json.dumps(person.session(1)).encode()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, hook.__file__, str(home.folder)],
        input=told,
        capture_output=True,
        check=True,
    )
    loaded = set(ast.literal_eval(done.stdout.decode()))
    assert not {name.partition(".")[0] for name in loaded} & {"trace2skill", "react_agent", "yaml"}
    assert not loaded & {"asyncio", "subprocess", "logging", "socket"}
    assert len(list(home.notes())) == 1
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        assert person.ends(told).wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent / 5 < 0.1
    assert len(list(home.notes())) == 1


def test_a_full_disk_costs_the_note_and_nothing_else(person: Person) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    home = person.online()
    process = person.ends(person.session(1), f"ulimit -f 0; {person.command()}")
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert list(home.spool.iterdir()) == []
    assert person.ends(person.session(1)).wait() == 0
    run = f"ulimit -f 0; exec {shlex.quote(sys.executable)} -m trace2skill online run"
    done = subprocess.run(["/bin/sh", "-c", run], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "File too large; what is finished is kept" in done.stderr
    assert len(list(home.notes())) == 1
    assert main(["online", "run"]) == 0
    assert not list(home.notes())


def test_a_hook_whose_python_is_gone_ends_well(person: Person) -> None:
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    gone = person.command().replace(sys.executable, "/nowhere/python")
    process = person.ends(person.session(1), gone)
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, b"")
    other = person.command().replace(str(person.online().folder), "/nowhere/folder")
    assert person.ends(person.session(1), other).wait() == 0
    assert not Path("/nowhere").exists()


def test_the_real_client_is_seen_to_fire_the_hook(
    person: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = os.pathsep.join([f"{clients_folder()}/node_modules/.bin", REAL_PATH])
    client = shutil.which("claude", path=places)
    if client is None:
        pytest.skip("Claude Code is not installed; see `make clients`")
    node = shutil.which("node", path=places) or client
    folders = (str(Path(client).parent), str(Path(node).parent), "/usr/bin", "/bin")
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    assert main(["online", "init", *person.flags(URL), "--by_hand"]) == 0
    assert f"by its command and by {client}" in capsys.readouterr().out
    assert not list(person.online().notes())
