"""The warm interpreter: the same results as a cold one, and nothing of it outlives its command."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import openpyxl
import psutil
import pytest
from commands import DONE, Commands, with_server
from commands import bash as bash_call
from stub_server import reply
from warmprograms import COMMANDS, FILES, text

from react_agent import warm
from react_agent.bash import Bash, BashResult
from react_agent.errors import ContractError
from react_agent.limits import Limits, MiB
from react_agent.sandbox import Sandbox, open_sandbox

WARM = "import sys; print(len(sys.modules) > 300)  # openpyxl"
"""Before any import of its own a cold Python has some 70 modules."""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return open_sandbox("bwrap", limits=Limits(seconds=60)).with_warm_python()
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")


def inside(sandbox: Sandbox, folder: Path, work: Callable[[Bash], Coroutine[Any, Any, Any]]) -> Any:
    folder.mkdir(exist_ok=True)

    async def case() -> Any:
        async with sandbox.case(folder) as bash:
            return await work(bash)

    return asyncio.run(case())


def run(sandbox: Sandbox, folder: Path, *commands: str) -> list[BashResult]:
    async def all_of_them(bash: Bash) -> list[BashResult]:
        return [await bash.run(command) for command in commands]

    result: list[BashResult] = inside(sandbox, folder, all_of_them)
    return result


def is_warm(result: BashResult) -> bool:
    assert result.text in ("True\n", "False\n"), result
    return result.text == "True\n"


def tree(folder: Path) -> list[psutil.Process]:
    """The server of the case in that folder, and all that it forked; first the server."""
    scratch = str(folder.parent / f".{folder.name}.scratch")
    for process in psutil.process_iter(["cmdline", "name"]):
        line = process.info["cmdline"] or []
        if line[1:2] == ["-c"] and "warm_server" in line[2] and scratch in line[3]:
            inside = process.parent()
            assert inside is not None
            others = [one for one in inside.children(recursive=True) if one != process]
            return [process, *(one for one in others if one.status() != psutil.STATUS_ZOMBIE)]
    return []


def seen(folder: Path) -> dict[str, object]:
    """What the commands left; of workbooks the values, as they hold the time of saving."""
    left: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".xlsx":
            sheet = openpyxl.load_workbook(path).active
            assert sheet is not None
            left[path.name] = [*sheet.values]
        elif path.is_file() and not path.name.endswith(".pyc"):
            left[str(path.relative_to(folder))] = path.read_bytes()
    return left


Outcome = tuple[str, int, dict[str, object]]
PARTS = 6
"""For workers to share."""


def outcomes(sandbox: Sandbox, folder: Path, commands: list[str]) -> list[Outcome]:
    for name, source in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text(source))

    async def work(bash: Bash) -> list[Outcome]:
        done = []
        for command in commands:
            result = await bash.run(command)
            assert not result.killed, command
            done.append((result.text, result.exit_code, seen(folder)))
        return done

    done: list[Outcome] = inside(sandbox, folder, work)
    shutil.rmtree(folder)
    return done


@pytest.mark.parametrize("part", range(PARTS))
def test_a_command_does_the_same_warm_and_cold(sandbox: Sandbox, tmp_path: Path, part: int) -> None:
    commands = COMMANDS[part::PARTS]
    cold = outcomes(replace(sandbox, warm_python=False), tmp_path / "case", commands)
    warmed = outcomes(sandbox, tmp_path / "case", commands)
    for command, expected, found in zip(commands, cold, warmed, strict=True):
        assert found == expected, command


def test_programs_that_name_a_loaded_module_are_warm_however_they_are_given(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    forms = [
        f"python3 -c '{WARM}'",
        f"echo '{WARM}' > warm.py; python warm.py",
        "python ./warm.py a b < /dev/null | cat",
        f"python - <<'END'\n{WARM}\nEND",
        f"echo '{WARM} pandas' | python",
    ]
    results = run(sandbox, tmp_path / "case", *forms)
    assert [is_warm(one) for one in results] == [True] * len(forms)


def warm_program(code: str) -> str:
    """As a command."""
    return f"python - <<'END'\n# openpyxl\n{dedent(code)}\nEND"


LEAVES = {
    "a daemon": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    print("tick", file=open("ticks", "a"))
                    time.sleep(0.01)
        """,
    "chains of forks": """
        import os
        for _ in range(30):
            if os.fork() == 0:
                while True:
                    print("tick", file=open("ticks", "a"))
                    if os.fork():
                        os._exit(0)
        """,
    "one that wakes the server": """
        import os, signal, time
        server = getattr(os, "get" + "ppid")()
        if os.fork() == 0:
            while True:
                os.kill(server, signal.SIGCONT)
                print("tick", file=open("ticks", "a"))
        """,
}


@pytest.mark.parametrize("code", LEAVES.values(), ids=LEAVES)
def test_nothing_that_a_program_left_runs_when_its_command_has_ended(
    sandbox: Sandbox, tmp_path: Path, code: str
) -> None:
    folder = tmp_path / "case"

    async def work(bash: Bash) -> None:
        await bash.run(f"{warm_program(code)}\nsleep 0.2")
        left, size = tree(folder), (folder / "ticks").stat().st_size
        assert len(left) <= 1, left
        assert all(one.status() == psutil.STATUS_STOPPED for one in left)
        await asyncio.sleep(0.2)
        assert (folder / "ticks").stat().st_size == size > 0
        assert is_warm(await bash.run(f"python -c '{WARM}'"))

    inside(sandbox, folder, work)


def test_the_same_holds_in_user_namespaces(sandbox: Sandbox, tmp_path: Path) -> None:
    folder, without_users = tmp_path / "case", replace(sandbox, users=iter(()))

    async def work(bash: Bash) -> None:
        assert is_warm(await bash.run(f"python -c '{WARM}'"))
        await bash.run(f"{warm_program(LEAVES['a daemon'])}\nsleep 0.2")
        assert (folder / "ticks").exists()
        assert [one.status() for one in tree(folder)] == [psutil.STATUS_STOPPED]

    inside(without_users, folder, work)


def test_a_cancelled_command_leaves_only_the_stopped_server(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "case"

    async def work(bash: Bash) -> None:
        running = asyncio.create_task(bash.run(warm_program(LEAVES["a daemon"]) + "\nsleep 30"))
        while not (folder / "ticks").exists():  # noqa: ASYNC110 (nothing would set an event)
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert [one.status() for one in tree(folder)] == [psutil.STATUS_STOPPED]

    inside(sandbox, folder, work)


def test_with_its_case_the_server_ends_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    folder, servers = tmp_path / "case", []

    async def work(bash: Bash) -> None:
        await bash.run("true")
        assert not tree(folder), "no server before a command names python"
        await bash.run(f"python -c '{WARM}'")
        servers.extend(tree(folder))

    inside(sandbox, folder, work)
    assert [one.is_running() for one in servers] == [False]
    assert [*tmp_path.iterdir()] == [folder]
    assert not [*folder.iterdir()]


@pytest.mark.parametrize(
    ("limits", "code", "breach"),
    [
        ({"seconds": 1.5}, "import time; time.sleep(30)", "timeout"),
        ({"memory": 250 * MiB}, "x = b'x' * (300 << 20)\nwhile True: pass", "memory"),
        (
            {"processes": 30},
            "import os, time\nwhile os.fork(): time.sleep(0.02)\ntime.sleep(30)",
            "processes",
        ),
        ({"output_bytes": MiB}, "while True: print('x' * 1000)", "output"),
        (
            {"folder_bytes": MiB},
            "import os, time\nfile = open('gone', 'wb')\nos.unlink('gone')\n"
            "file.write(b'x' * (3 << 20))\nfile.flush()\ntime.sleep(30)",
            "disk",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "",
)
def test_the_limits_of_a_command_hold_for_what_the_server_runs_for_it(
    sandbox: Sandbox, tmp_path: Path, limits: dict[str, float], code: str, breach: str
) -> None:
    folder = tmp_path / "case"
    few = replace(sandbox, limits=replace(sandbox.limits, **limits))  # type: ignore[arg-type]

    async def work(bash: Bash) -> None:
        await bash.run(f"python -c '{WARM}'")
        result = await bash.run(warm_program(code))
        if not (breach == "processes" and "BlockingIOError" in result.text):  # the kernel was first
            assert result.killed == breach, result
        assert [one.status() for one in tree(folder)] == [psutil.STATUS_STOPPED]

    inside(few, folder, work)


ATTACKS = {
    "killed": "import os; os.kill(-1, 9)",
    "stopped": "import os, signal; os.kill(getattr(os, 'get' + 'ppid')(), signal.SIGSTOP)",
    "interrupted": "import os; os.kill(getattr(os, 'get' + 'ppid')(), 15)",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_server_that_is_attacked_costs_nobody_else_anything(
    sandbox: Sandbox, tmp_path: Path, attack: str
) -> None:
    (tmp_path / "other").mkdir()

    async def work(bash: Bash) -> None:
        async with sandbox.case(tmp_path / "other") as other:
            assert is_warm(await other.run(f"python -c '{WARM}'"))
            for _ in range(warm.STARTS + 1):
                await bash.run(warm_program(attack))
                await bash.run('python -c \'open("made", "w")  # openpyxl\'')
                (tmp_path / "case" / "made").unlink()
            assert is_warm(await other.run(f"python -c '{WARM}'"))

    inside(sandbox, tmp_path / "case", work)


def test_a_server_that_dies_takes_its_program_along_and_the_next_is_cold(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    command = f"{warm_program(ATTACKS['killed'])}\necho $?; python -c '{WARM}'"
    (result,) = run(sandbox, tmp_path / "case", command)
    assert result.text.endswith("137\nFalse\n")


def test_a_programs_own_processes_cannot_get_at_the_server(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    code = """
        import ctypes, os
        server = getattr(os, "get" + "ppid")()
        assert server > 1
        for name in ("mem", "environ", "fd/3"):
            try:
                open(f"/proc" + f"/{server}/{name}", "rb").close()
                print("opened", name)
            except PermissionError:
                pass
        print(ctypes.CDLL(None).ptrace(16, server, 0, 0))
        print(open("/proc" + "/self/environ").read(4) != "")
        """
    (result,) = run(sandbox, tmp_path / "case", warm_program(code))
    assert result.text == "-1\nTrue\n"


def test_what_a_case_sends_to_the_socket_does_no_harm(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "send.py").write_text(
        dedent("""
        import array, os, shutil, socket
        place = os.path.dirname(os.path.realpath(shutil.which("python"))) + "/s"
        place = os.environ["SHIMS"] + "/s"
        kept = []
        for body in (b"", b"\\x01", b"\\0junk", b"\\0" * 200_000):
            for handles in (0, 1, 4, 9):
                one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                one.connect(place)
                passed = array.array("i", [1] * handles)
                one.sendmsg([body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
                one.send(b"x") if handles == 1 and body else None
                kept.append(one)
        try:
            os.unlink(place)
            print("unlinked")
        except OSError:
            pass
        """)
    )

    async def work(bash: Bash) -> None:
        await bash.run(f"python -c '{WARM}'")
        before = tree(folder)
        shims = "SHIMS=$(dirname $(command -v python))"
        result = await bash.run(f"{shims} python send.py; python -c '{WARM}'")
        assert result.text == "True\n"
        assert tree(folder) == before

    inside(sandbox, folder, work)


@pytest.mark.skipif(os.getuid() != 0, reason="the suite and the case have one user")
def test_another_user_of_the_machine_is_sent_away(sandbox: Sandbox, tmp_path: Path) -> None:
    async def work(bash: Bash) -> None:
        await bash.run(f"python -c '{WARM}'")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(10)
            line.connect(str(tmp_path / ".case.scratch" / "bin" / "s"))
            running = asyncio.create_task(bash.run("sleep 2"))
            assert await asyncio.to_thread(line.recv, 1) == b""
            await running

    inside(sandbox, tmp_path / "case", work)


def test_a_machine_short_of_memory_starts_python_as_ever(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "SPARE_MEMORY", 1 << 60)
    (result,) = run(sandbox, tmp_path / "case", f"python -c '{WARM}'")
    assert not is_warm(result)


def test_the_server_loads_nothing_from_the_agents_folder_and_knows_no_secret(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-4711")
    folder = tmp_path / "case"
    folder.mkdir()
    for name in ("numpy", "openpyxl", "pandas", "ctypes", "warm_server", "sitecustomize"):
        (folder / f"{name}.py").write_text("open('loaded', 'a')\n")

    async def work(bash: Bash) -> None:
        command = f"mkdir sub; cd sub; python -c '{WARM} pandas'"
        assert is_warm(await bash.run(command))
        assert not (folder / "loaded").exists()
        started_with = 'print(open("/proc" + "/self/environ").read().replace("\\0", "\\n"))'
        # The server, and so what it forked.
        result = await bash.run(f"cd sub; {warm_program(started_with)}")
        assert "SANDBOX_CASE" in result.text
        assert "/sub" not in result.text
        assert "sk-4711" not in result.text
        result = await bash.run("python -c 'import openpyxl; print(openpyxl.__file__)'")
        assert result.text == f"{folder}/openpyxl.py\n"

    inside(sandbox, folder, work)


def test_every_program_draws_numbers_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    modules = "random, numpy.random, pandas"
    draw = f"python -c 'import {modules}; print(random.random(), numpy.random.rand())'"
    results = run(sandbox, tmp_path / "case", draw, draw)
    first, second = (result.text.split() for result in results)
    assert not {*first} & {*second}


def test_many_programs_at_once_get_their_own_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import sys, openpyxl; print(sys.argv[1] * 3); sys.exit(int(sys.argv[1]))"
    command = (
        f"for n in 1 2 3 4 5 6 7 8; do (python -c '{code}' $n > $n; echo $? >> $n) & done; wait; "
        "cat [1-8]"
    )
    (result,) = run(sandbox, tmp_path / "case", command)
    assert result.text.split() == [word for n in "12345678" for word in (n * 3, n)]


def test_without_a_sandbox_it_is_said_and_python_starts_as_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = open_sandbox("none").with_warm_python()
    assert "there is no sandbox" in caplog.text
    (result,) = run(plain, tmp_path / "case", f"python -c '{WARM}'")
    assert not is_warm(result)


def test_a_run_goes_on_with_or_without_it_and_has_it_on_record(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`sandbox`: only where there is one."""

    def agent(body: dict[str, Any]) -> Any:
        asked = sum(message["role"] == "assistant" for message in body["messages"])
        return reply(warm_call if asked == 0 else DONE)

    warm_call = bash_call(f"cp input.xlsx output.xlsx; python -c '{WARM}'")

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--warm_python")
        assert code == 0, said
        assert "True" in next(user.logs.iterdir()).read_text()
        asked = len(user.server.bodies)
        code, said = await user.rollouts()
        assert (code, len(user.server.bodies)) == (0, asked), said
        starts = json.loads((user.outputs / "run.json").read_text())["sessions"]
        assert [one["environment"]["warm_python"] for one in starts] == [True, False]

    with_server(agent, tmp_path, steps)
