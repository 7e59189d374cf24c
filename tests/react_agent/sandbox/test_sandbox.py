"""Hostile commands against the real sandbox. Each escape is tried with the sandbox off as well,
where it must succeed: else the test would prove nothing."""

import asyncio
import logging
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hostile import scene as hostile_scene
from hostile.commands import ESCAPES, ESCAPES_OF_ROOT, ESCAPES_OF_SOME_MACHINES, RESULTS, SURVIVORS
from hostile.hogs import HOGS, HOGS_OF_SPACE, HOGS_OF_THE_KERNEL, Hog
from hostile.scene import (
    HIDDEN,
    SECRET,
    Scene,
    as_nobody,
    forks,
    gone,
    limited,
    python,
    sleeping,
    unique_seconds,
)
from project import ROOT

from react_agent.errors import ContractError
from react_agent.sandbox import bwrap, process, seccomp
from react_agent.sandbox import door as sandbox_module
from react_agent.sandbox import users as throwaway
from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import Sandbox, SandboxKind, open_sandbox
from react_agent.sandbox.limits import Breach, KiB, Limits, MiB
from react_agent.sandbox.untrusted import take_file

IS_ROOT = os.getuid() == 0
AS_NOBODY = "SANDBOX_TESTS_AS_NOBODY" in os.environ
QUICK = Limits(seconds=10)
PACKAGES = ("openpyxl", "pandas")


def works(kind: SandboxKind) -> Sandbox:
    try:
        return open_sandbox(kind, limits=QUICK, python=offered(PACKAGES))
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")


@pytest.fixture(scope="module", params=["bwrap", "none"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return works(request.param)


@pytest.fixture(scope="module")
def confined() -> Sandbox:
    return works("bwrap")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with hostile_scene.scene(tmp_path) as one:
        yield one


def run(sandbox: Sandbox, scene: Scene, *commands: str, hide: tuple[str, ...] = ()) -> BashResult:
    """The result of the last of some commands in one case."""
    return asyncio.run(scene.attempt(sandbox, *commands, hide=hide))


@pytest.mark.parametrize("attack", ESCAPES)
def test_escape_works_only_without_the_sandbox(sandbox: Sandbox, scene: Scene, attack: str) -> None:
    _try(sandbox, scene, ESCAPES[attack])


@pytest.mark.parametrize("attack", ESCAPES_OF_ROOT)
def test_escape_of_root_works_only_without_the_sandbox(
    sandbox: Sandbox, scene: Scene, attack: str
) -> None:
    if not IS_ROOT and sandbox.kind == "none":
        pytest.skip("an ordinary user is refused this by the system already")
    _try(sandbox, scene, ESCAPES_OF_ROOT[attack])


@pytest.mark.parametrize("attack", ESCAPES_OF_SOME_MACHINES)
def test_escape_never_works_in_the_sandbox(confined: Sandbox, scene: Scene, attack: str) -> None:
    _try(confined, scene, ESCAPES_OF_SOME_MACHINES[attack])


@pytest.mark.parametrize("attack", {**ESCAPES_OF_SOME_MACHINES, **ESCAPES_OF_ROOT})
def test_escape_is_refused_to_root_that_has_no_users_to_lend(
    confined: Sandbox, scene: Scene, attack: str
) -> None:
    if not IS_ROOT:
        pytest.skip("only root lends users")
    if attack == "raising the number of processes":
        pytest.skip("the kernel does not count root's processes; they are only watched")
    attacks = {**ESCAPES_OF_SOME_MACHINES, **ESCAPES_OF_ROOT}
    _try(replace(confined, users=iter(())), scene, attacks[attack])


def _try(sandbox: Sandbox, scene: Scene, attack: str) -> None:
    result = run(sandbox, scene, scene.placed(attack), hide=HIDDEN)
    assert bool(scene.signs(result)) == (sandbox.kind == "none"), result


def test_the_environment_is_clean(
    sandbox: Sandbox, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("BASH_ENV", str(scene.root / "home" / ".netrc"))
    result = run(sandbox, scene, "env; cat /proc/self/environ | tr '\\0' '\\n'")
    assert SECRET not in result.text
    assert "BASH_ENV" not in result.text
    assert f"HOME={scene.folder}" in result.text


def test_the_agent_can_work(sandbox: Sandbox, scene: Scene) -> None:
    code = "import openpyxl, pandas; openpyxl.Workbook().save('output.xlsx'); print('saved')"
    result = run(sandbox, scene, f"cat {scene.root}/skill/SKILL.md input.txt; python3 -c {code!r}")
    assert result.text.splitlines() == [SECRET, "the task", "saved"]
    assert result.exit_code == 0
    assert (scene.folder / "output.xlsx").stat().st_uid == os.getuid()


def test_python_is_found_by_a_name_that_goes_through_another_folder(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    works("bwrap")
    here = scene.root.resolve()
    beside = os.path.relpath(Path(sys.executable).parent, here)
    monkeypatch.setattr(sys, "executable", f"{here}/{beside}/{Path(sys.executable).name}")
    sandbox = open_sandbox("bwrap", limits=QUICK, python=offered.__wrapped__(PACKAGES))
    assert run(sandbox, scene, "python -c 'import pandas; print(6 * 7)'").text == "42\n"


def test_of_etc_there_is_only_what_programs_need(confined: Sandbox, scene: Scene) -> None:
    seen = run(confined, scene, "ls /etc; cat /etc/passwd; ls -l /etc/alternatives").text
    there = [name for name in bwrap.ETC if Path("/etc", name).exists()]
    assert seen.split("\n")[: len(there)] == sorted(there)
    assert Path("/etc/passwd").read_text() in seen
    assert " -> /usr/" in seen or "alternatives" not in there


def test_copies_of_etc_that_killed_processes_left_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    living = bwrap.etc_copy.__wrapped__()
    killed, new = (tmp_path / f"{living.name}-{name}" for name in ("killed", "new"))
    for folder in (killed, new):
        shutil.copytree(living, folder, symlinks=True)
    os.utime(new)
    for folder in (living, killed):
        os.utime(folder, (1, 1))
    bwrap.etc_copy.__wrapped__()
    assert living.exists()
    assert new.exists()
    assert not killed.exists()


def test_tmp_lasts_for_the_case_and_no_longer(confined: Sandbox, scene: Scene) -> None:
    assert run(confined, scene, "echo kept > /tmp/a", "cat /tmp/a /var/tmp/a").text == "kept\n" * 2
    assert "No such file" in run(confined, scene, "cat /tmp/a").text
    assert sorted(path.name for path in scene.folder.parent.iterdir()) == ["1_1_input", "2_1_input"]


def test_only_what_is_needed_is_handed_down(confined: Sandbox, scene: Scene) -> None:
    listed = run(confined, scene, "for f in /proc/self/fd/*; do readlink $f; done").text
    assert "memfd" not in listed
    assert listed.count("pipe:") == 2, "stdout and stderr"


def test_nothing_is_shown_and_hidden_at_once(confined: Sandbox, scene: Scene) -> None:
    for hidden in ("skill", "work/1_1_input", "work/1_1_input/input.txt"):
        with pytest.raises(ContractError, match="hidden"):
            run(confined, scene, "true", hide=(hidden,))


def test_what_surrounds_the_case_can_be_hidden(confined: Sandbox, scene: Scene) -> None:
    assert run(confined, scene, "cat input.txt", hide=("work", "")).text == "the task\n"


def test_processes_are_bounded(confined: Sandbox, scene: Scene) -> None:
    before = len(psutil.pids())
    peak = 0

    async def bomb() -> tuple[BashResult, BashResult]:
        nonlocal peak
        async with limited(confined, processes=40, seconds=1.5).case(scene.folder) as bash:
            bombing = asyncio.ensure_future(bash.run("b() { b | b & }; b; sleep 9"))
            while not bombing.done():
                peak = max(peak, len(psutil.pids()))
                await asyncio.sleep(0.1)
            return await bombing, await bash.run("echo alive")

    ended, after = asyncio.run(bomb())
    assert ended.killed in ("timeout", "processes")
    assert after.text == "alive\n"
    assert peak < before + 40 + 60, "others work on this machine too"


def test_processes_are_not_bounded_by_chance(sandbox: Sandbox, scene: Scene) -> None:
    count = forks(60, "started ")
    text = run(limited(sandbox, processes=30), scene, count).text
    if sandbox.kind == "none":
        assert text in ("started 59\n", ""), "seen and ended only afterwards"
    else:
        assert 20 < int(text.split()[1]) < 30


@pytest.mark.parametrize("hog", HOGS)
def test_hog_is_stopped_and_told_why(sandbox: Sandbox, scene: Scene, hog: str) -> None:
    _stopped(sandbox, scene, HOGS[hog])
    if hog == "one big file":
        assert (scene.folder / "f").stat().st_size <= MiB
    shutil.rmtree(scene.folder)


@pytest.mark.parametrize("hog", {**HOGS_OF_SPACE, **HOGS_OF_THE_KERNEL})
def test_hog_that_no_process_owns_is_stopped(confined: Sandbox, scene: Scene, hog: str) -> None:
    if hog in HOGS_OF_SPACE and not confined.bounded:
        pytest.skip("the kernel does not bound here what a case writes")
    _stopped(confined, scene, {**HOGS_OF_SPACE, **HOGS_OF_THE_KERNEL}[hog])


def _stopped(sandbox: Sandbox, scene: Scene, hog: Hog) -> None:
    command, limits, killed, codes = hog
    started = time.monotonic()
    result = run(limited(sandbox, **limits), scene, scene.placed(command))
    assert result.killed in killed, result
    assert result.exit_code in codes, result
    assert time.monotonic() - started < 15
    assert not list(scene.folder.glob("core*"))


@pytest.mark.parametrize("way", SURVIVORS)
def test_nothing_outlives_its_command(sandbox: Sandbox, scene: Scene, way: str) -> None:
    unique = unique_seconds()
    started = time.monotonic()
    result = run(limited(sandbox, seconds=0.5), scene, SURVIVORS[way].replace("{id}", unique))
    assert time.monotonic() - started < 3
    assert (result.killed == "timeout") == (not way.startswith("stays"))
    assert gone(unique)


def test_cancelling_kills_at_once(sandbox: Sandbox, scene: Scene) -> None:
    unique = unique_seconds()

    async def interrupted() -> float:
        async with sandbox.case(scene.folder) as bash:
            running = asyncio.ensure_future(bash.run(f"setsid -f sleep {unique}; sleep {unique}"))
            await asyncio.sleep(0.3)
            started = time.monotonic()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return time.monotonic() - started

    assert asyncio.run(interrupted()) < 1
    assert gone(unique)


@pytest.mark.parametrize("moment", [0, 0.001, 0.003, 0.01, 0.05, 0.2])
def test_a_case_is_given_back_whenever_it_is_cancelled(
    sandbox: Sandbox, tmp_path: Path, moment: float
) -> None:
    unique = unique_seconds()
    # One who waits ties slots to an event loop, and the tests share theirs.
    own = replace(sandbox, slots=asyncio.Semaphore(4))

    async def one(folder: Path) -> None:
        folder.mkdir()
        (folder / "input.txt").write_text("x")
        async with own.case(folder) as bash:
            await bash.run(f"mkdir closed; touch closed/f; chmod 0 closed; sleep {unique}")

    async def interrupted() -> None:
        working = [asyncio.ensure_future(one(tmp_path / str(n))) for n in range(12)]
        await asyncio.sleep(moment)
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    asyncio.run(interrupted())
    assert gone(unique)
    left = sorted(tmp_path.rglob("*"))
    assert not [path for path in left if path.name.startswith(".")]
    assert {path.lstat().st_uid for path in left} <= {os.getuid()}


def test_killing_the_harness_kills_its_commands(confined: Sandbox, scene: Scene) -> None:
    unique = unique_seconds()
    code = f"""
        import asyncio
        from pathlib import Path
        from react_agent.sandbox.door import open_sandbox

        async def main():
            async with open_sandbox("bwrap").case(Path({str(scene.folder)!r})) as bash:
                await bash.run("setsid sleep {unique}")

        asyncio.run(main())
    """
    harness = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        deadline = time.monotonic() + 20
        while not sleeping(unique):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        harness.kill()
        harness.wait()
    assert gone(unique)
    assert run(confined, scene, "cat input.txt").text == "the task\n", "opened again"


def test_slots_bound_commands_and_waiting_costs_no_time(scene: Scene, confined: Sandbox) -> None:
    one = replace(limited(confined, seconds=0.7), slots=asyncio.Semaphore(1))

    async def both() -> list[BashResult]:
        async with one.case(scene.folder) as first, one.case(scene.root / "home") as second:
            return await asyncio.gather(*(b.run("sleep 0.4") for b in (first, second, first)))

    started = time.monotonic()
    assert [result.exit_code for result in asyncio.run(both())] == [0, 0, 0]
    assert time.monotonic() - started >= 1.2


def test_many_cases_are_open_at_once_on_few_threads(sandbox: Sandbox, tmp_path: Path) -> None:
    async def one(number: int, ready: asyncio.Barrier) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with sandbox.case(folder) as bash:
            await ready.wait()
            return (await bash.run(f"echo {number} > f; cat f")).text

    async def everyone() -> list[str]:
        ready = asyncio.Barrier(64)
        return await asyncio.gather(*(one(n, ready) for n in range(64)))

    assert asyncio.run(everyone()) == [f"{n}\n" for n in range(64)]
    assert sum(thread.name.startswith("case") for thread in threading.enumerate()) <= 4


def test_links_are_never_followed_when_the_folder_changes_hands(
    confined: Sandbox, scene: Scene
) -> None:
    gold, folder = scene.root / "data" / "gold.txt", scene.root / "data"
    before = gold.stat(), folder.stat()
    run(confined, scene, f"ln -s {gold} a; ln -s {folder} b; mkdir c; ln -s / c/d; chmod 0 c")
    assert (gold.stat().st_uid, folder.stat().st_mode) == (before[0].st_uid, before[1].st_mode)
    assert {path.lstat().st_uid for path in scene.folder.iterdir()} == {os.getuid()}
    shutil.rmtree(scene.folder)


def test_no_program_gains_rights_by_changing_hands(confined: Sandbox, scene: Scene) -> None:
    run(confined, scene, "cp /bin/bash mine; chmod 6755 mine")
    mine = (scene.folder / "mine").stat()
    assert mine.st_uid == os.getuid()
    assert not IS_ROOT or not mine.st_mode & 0o6000


@pytest.mark.parametrize("planted", ["ln -s / {0}", "rmdir {0}; ln -s /etc {0}", "touch {0}"])
def test_tmp_cannot_be_turned_against_the_next_command(
    confined: Sandbox, scene: Scene, planted: str
) -> None:
    if not scene.folder.is_relative_to("/tmp"):
        pytest.skip("the case does not lie below /tmp here")
    first = "/tmp/" + scene.folder.relative_to("/tmp").parts[0]
    moved = f"mv {first} /tmp/aside; " + planted.format(first)
    assert run(confined, scene, moved, "cat input.txt").text == "the task\n"


@pytest.mark.parametrize("kind", RESULTS)
def test_only_plain_files_are_taken(confined: Sandbox, scene: Scene, kind: str) -> None:
    run(confined, scene, scene.placed(RESULTS[kind]))
    source, target = scene.folder / "output.xlsx", scene.root / "outputs" / "output.xlsx"
    assert os.path.lexists(source)
    with pytest.raises(ContractError, match="not taken"):
        take_file(source, target, MiB)
    assert not target.exists()


def test_a_plain_file_is_taken_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "case" / "output.xlsx", tmp_path / "outputs" / "1" / "o.xlsx"
    assert take_file(source, target, MiB) is None
    source.parent.mkdir()
    assert take_file(source, target, MiB) is None
    source.write_bytes(b"x" * MiB)
    assert take_file(source, target, MiB) == target
    assert target.read_bytes() == b"x" * MiB
    assert [path.name for path in target.parent.iterdir()] == ["o.xlsx"]
    (tmp_path / "link").symlink_to(source.parent)
    with pytest.raises(ContractError, match="link"):
        take_file(tmp_path / "link" / "output.xlsx", target, MiB)


def test_a_sandbox_that_cannot_run_is_said_so_once_and_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bwrap, "candidates", lambda: ["/bin/false", "/no/such/bwrap"])
    with pytest.raises(ContractError, match="apt install bubblewrap"):
        open_sandbox("bwrap")
    with caplog.at_level(logging.WARNING):
        assert open_sandbox("auto").kind == "none"
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "gold workbooks" in caplog.text
        assert "apparmor_restrict_unprivileged_userns" in caplog.text
        assert open_sandbox("none").kind == "none"
        assert len(caplog.records) == 1, "who asked for none knows"


def test_auto_confines_where_it_can(confined: Sandbox) -> None:
    assert open_sandbox("auto").kind == confined.kind == "bwrap"


def test_a_sandbox_that_fails_later_is_not_the_commands_fault(
    confined: Sandbox, scene: Scene
) -> None:
    async def skill_vanishes() -> None:
        async with confined.case(scene.folder, read_only=[scene.root / "skill"]) as bash:
            assert (await bash.run("echo bwrap: fake >&2; exit 1")).exit_code == 1
            shutil.rmtree(scene.root / "skill")
            await bash.run("true")

    with pytest.raises(ContractError, match="sandbox did not start"):
        asyncio.run(skill_vanishes())


def test_what_the_sandboxs_user_cannot_read_is_named(confined: Sandbox, scene: Scene) -> None:
    if not IS_ROOT:
        pytest.skip("only root lends users")
    (scene.root / "skill").chmod(0o700)
    with pytest.raises(ContractError, match=r"chmod -R a\+rX"):
        run(confined, scene, "true")


def test_every_case_has_its_own_user() -> None:
    if not IS_ROOT:
        pytest.skip("only root lends users")
    numbers = throwaway.numbers()
    drawn = {next(numbers) for _ in range(600)}
    assert len(drawn) == 600
    assert min(drawn) >= 10_000


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "sparc"])
def test_system_call_rules_are_well_formed(machine: str) -> None:
    """Every jump stays within the program; an unknown processor gets none."""
    code = seccomp.program(machine)
    steps = [code[n : n + 8] for n in range(0, len(code), 8)]
    assert len(code) % 8 == 0
    assert bool(steps) == (machine != "sparc")
    for n, step in enumerate(steps):
        assert n + 1 + max(step[2], step[3]) < len(steps) or step[0] == 0x06
    assert len(code) < 4 * KiB


def test_sockets_to_the_machine_below_are_refused(confined: Sandbox, scene: Scene) -> None:
    """A network namespace does not hold them back."""
    code = "import socket\nsocket.socket(40, socket.SOCK_STREAM)"
    assert "Address family not supported" in run(confined, scene, python(code)).text


def test_escapes_are_refused_to_an_ordinary_user_too(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The same tests once more in user namespaces, when the suite itself is run by root."""
    if not IS_ROOT or AS_NOBODY:
        pytest.skip("the suite runs as an ordinary user already")
    works("bwrap")
    base = Path("/tmp") / f"sandbox-tests-{os.getpid()}"
    base.mkdir(mode=0o777)
    base.chmod(0o777)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    wanted = "(escape or processes or tmp or links or no_process) and not none"
    command += ["-k", wanted, f"--basetemp={base}/t", __file__]
    argv = as_nobody(base, command, SANDBOX_TESTS_AS_NOBODY="1")
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["rm", "-rf", base], check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_a_look_that_takes_long_holds_nothing_up_and_is_taken_again(
    confined: Sandbox, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def slow(*given: object) -> Breach:
        looks.append(time.monotonic())
        time.sleep(0.8)
        return ""

    monkeypatch.setattr(process, "breach", slow)

    async def longest_wait() -> float:
        running = asyncio.ensure_future(scene.attempt(confined, "sleep 5"))
        longest = 0.0
        while not running.done():
            started = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - started)
        return longest

    assert asyncio.run(longest_wait()) < 0.7
    assert len(looks) >= 2


def test_what_a_case_writes_is_bounded_over_all_its_commands(
    confined: Sandbox, scene: Scene
) -> None:
    if not confined.bounded:
        pytest.skip("the kernel does not bound here what a case writes")
    each = "head -c 4M /dev/zero > $RANDOM$RANDOM; head -c 4M /dev/zero > /tmp/$RANDOM$RANDOM"
    result = run(limited(confined, folder_bytes=9 * MiB), scene, *[each] * 3, "cat * | wc -c")
    assert int(result.text) <= 9 * MiB
    left = sum(path.stat().st_blocks * 512 for path in scene.folder.iterdir())
    assert 4 * MiB <= left <= 9 * MiB


def test_the_folder_is_up_to_date_between_two_commands(confined: Sandbox, scene: Scene) -> None:
    async def work() -> None:
        async with confined.case(scene.folder) as bash:
            await bash.run("echo one > made; rm input.txt")
            assert (scene.folder / "made").read_text() == "one\n"
            assert not (scene.folder / "input.txt").exists()
            await bash.run("echo two > made")
            assert (scene.folder / "made").read_text() == "two\n"

    asyncio.run(work())


def test_where_nothing_is_bounded_it_is_measured(
    confined: Sandbox, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_here(*given: object) -> None:
        raise ContractError("no file system of a case's own")

    monkeypatch.setattr(sandbox_module, "open_space", not_here)
    measured = works("bwrap")
    assert not measured.bounded
    assert run(measured, scene, "echo x > f; cat f").text == "x\n"
    assert (scene.folder / "f").stat().st_uid == os.getuid()
    for place in ("$PWD", "/tmp", "/dev/shm"):
        fill = f"for n in {{1..500}}; do head -c 1M /dev/zero > {place}/f$n; sleep 0.01; done"
        result = run(limited(measured, folder_bytes=9 * MiB), scene, fill)
        assert result.killed == "disk", place
    shutil.rmtree(scene.folder)
