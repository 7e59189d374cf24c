"""What an attacker would like to reach, laid out around a case's folder, and the signs outside
that something of it was reached.

`with scene(folder) as one: await one.run(sandbox, command)`; then `one.signs(...)`.
"""

import contextlib
import os
import platform
import re
import secrets
import shlex
import socket
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from measuring.folders import ROOT

from react_agent.files import digest
from react_agent.sandbox import bwrap
from react_agent.sandbox import users as throwaway
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import Sandbox

SECRET = "sk-gold-4711"
WORKED = "ATTACK WORKED"
HIDDEN = ("data", "home", "skill/private")
"""Folders of a scene that a run would name as hidden."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"
_FILES = ("data/gold.txt", "work/2_1_input/input.txt", "home/.netrc", "skill/SKILL.md")


@dataclass
class Scene:
    root: Path
    port: int = 0
    """Of the servers on the loopback, TCP and UDP; the abstract socket is named after it."""
    key_holder: int = 0
    """A process of the same user with the key in its environment, as the toolkit has."""
    contacts: list[str] = field(default_factory=list)
    """Which of the servers outside was reached."""
    unique: str = field(default_factory=lambda: unique_seconds())
    """What survivors sleep, so that they are found among all processes of the machine."""
    _before: dict[str, object] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.root / "work" / "1_1_input"

    @property
    def names(self) -> dict[str, str]:
        return {
            "gold": str(self.root / "data" / "gold.txt"),
            "other": str(self.root / "work" / "2_1_input" / "input.txt"),
            "home": str(self.root / "home"),
            "skill": str(self.root / "skill"),
            "root": str(self.root),
            "port": str(self.port),
            "holder": str(self.key_holder),
            "harness": str(os.getpid()),
            "site": f"$(python -c {shlex.quote(_SITE)})",
            "interpreter": str(Path(sys.executable).resolve()),
            "keyctl": str({"x86_64": 250, "aarch64": 219}.get(platform.machine(), -1)),
            "exit": str({"x86_64": 60, "aarch64": 93}.get(platform.machine(), -1)),
            "id": self.unique,
            "secret": SECRET,
            "worked": WORKED,
        }

    def placed(self, command: str) -> str:
        """The command with its placeholders filled in."""
        for name, value in self.names.items():
            command = command.replace(f"{{{name}}}", value)
        return command

    async def attempt(
        self, sandbox: Sandbox, *commands: str, hide: Sequence[str] = ()
    ) -> BashResult:
        """The result of the last of some commands in one case."""
        shown, hidden = [self.root / "skill"], [self.root / name for name in hide]
        async with sandbox.case(self.folder, read_only=shown, hide=hidden) as bash:
            for command in commands[:-1]:
                await bash.run(command)
            return await bash.run(commands[-1])

    def signs(self, result: BashResult) -> list[str]:
        """What of the world around the case shows that the sandbox was left."""
        found = [f"it printed {word!r}" for word in (SECRET, WORKED) if word in result.text]
        found += ["a control character in its output"] if _CONTROL.search(result.text) else []
        found += [f"it reached the {server} outside" for server in self.contacts]
        now = self._around()
        found += [
            f"{name} was changed from within"
            for name in sorted(now.keys() | self._before.keys())
            if now.get(name) != self._before.get(name)
        ]
        if any(path.stat().st_mode & 0o6000 for path in self.folder.glob("mine")):
            found.append("a program that runs with its owner's rights is left")
        if psutil.Process(self.key_holder).status() != psutil.STATUS_SLEEPING:
            found.append("a process outside was stopped or ended")
        if not gone(self.unique):
            found.append("a process outlived its command")
        return found

    def _around(self) -> dict[str, object]:
        """All files beside the case, what Python would load, and what the system would."""
        found: dict[str, object] = {}
        for folder, folders, files in os.walk(self.root):
            own = (self.folder.name, f".{self.folder.name}")
            folders[:] = [name for name in folders if not name.startswith(own)]
            for name in (*folders, *files):
                path = Path(folder, name)
                content = digest(path.read_bytes()) if path.is_file() else ""
                found[str(path)] = content, path.lstat().st_mode
        for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("purelib"))):
            found |= {str(path): path.lstat().st_ino for path in folder.iterdir()}
        return found


@contextlib.contextmanager
def scene(root: Path) -> Iterator[Scene]:
    for name in _FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(SECRET + "\n")
    (root / "skill" / "private").mkdir()
    (root / "skill" / "private" / "gold.txt").write_text(SECRET)
    (root / "work" / "1_1_input").mkdir()
    (root / "work" / "1_1_input" / "input.txt").write_text("the task\n")
    one = Scene(root)
    environment = {"OPENAI_API_KEY": SECRET, "PATH": os.defpath}
    with subprocess.Popen(["sleep", "60"], env=environment) as holder:
        one.key_holder = holder.pid
        try:
            with _servers(one):
                one._before = one._around()
                yield one
        finally:
            holder.kill()


@contextlib.contextmanager
def _servers(one: Scene) -> Iterator[None]:
    """Each tells the secret, and that it was reached: on the loopback by TCP and UDP, on a unix
    socket that has a file and on one that has none."""
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        one.port = tcp.getsockname()[1]
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", one.port))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0sandbox-test-{one.port}")
        abstract.listen()
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        with contextlib.chdir(one.root):  # a full path may be too long for a socket's name
            named.bind("socket")
        (one.root / "socket").chmod(0o777)
        named.listen()
        listening = {"TCP server": tcp, "abstract socket": abstract, "unix socket": named}
        threads = [
            *(threading.Thread(target=_serve, args=(one, *item)) for item in listening.items()),
            threading.Thread(target=_serve_datagrams, args=(one, udp)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for each in (*listening.values(), udp):
                with contextlib.suppress(OSError):  # a datagram socket has nothing to shut down
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _serve(one: Scene, name: str, listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            with listening.accept()[0] as client:
                one.contacts.append(name)
                client.sendall(f"{SECRET}\n".encode())


def _serve_datagrams(one: Scene, udp: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while (received := udp.recvfrom(99))[0]:
            one.contacts.append("UDP server")
            udp.sendto(f"{SECRET}\n".encode(), received[1])


def limited(sandbox: Sandbox, **limits: float) -> Sandbox:
    return replace(sandbox, limits=replace(sandbox.limits, **limits))  # type: ignore[arg-type]


def python(code: str) -> str:
    return f"python - <<'END'\n{textwrap.dedent(code)}\nEND"


def forks(number: int, before: str = "") -> str:
    """Starts so many processes that last, and prints the number of the last that it could."""
    return python(
        f"""
        import os, time
        for n in range({number}):
            try:
                if os.fork() == 0:
                    time.sleep(5)
                    os._exit(0)
            except OSError:
                break
        print("{before}" + str(n), flush=True)
        """
    )


def unique_seconds() -> str:
    """An argument for `sleep` by which it is found among all processes of the machine."""
    return f"{60 + secrets.randbelow(10**9) / 10**9:.9f}"


def sleeping(argument: str) -> bool:
    found = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    return any(line and line[0] == "sleep" and argument in line for line in found)


def gone(argument: str) -> bool:
    """The kernel may take a moment to end what was killed."""
    for _ in range(40):
        if not sleeping(argument):
            return True
        time.sleep(0.05)
    return False


def as_nobody(base: Path, command: Sequence[str | Path], **variables: str) -> list[str]:
    """The command as an ordinary user, when root asks: with this Python, the project and `base`
    made reachable where their parents are closed to others."""
    reachable: list[str] = []
    for tree in (Path(sys.base_prefix), Path(sys.prefix), ROOT):
        for parent in reversed(tree.parents[:-1]):
            if not parent.stat().st_mode & 0o001 and str(parent) not in reachable:
                reachable += ["--tmpfs", str(parent), "--chmod", "0755", str(parent)]
        reachable += [f for p in reversed(tree.parents[:-1]) for f in ("--dir", str(p))]
        reachable += ["--bind", str(tree), str(tree)]
    argv = [bwrap.candidates()[0], "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *reachable]
    for name, value in {**variables, "HOME": str(base)}.items():
        argv += ["--setenv", name, value]
    return [*argv, "--", *throwaway.become(65534), *map(str, command)]
