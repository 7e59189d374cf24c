"""`python` in a case with a warm interpreter: hands the call to warm_server.py, or becomes Python.

Runs inside the sandbox, by `python -IS`, and imports C modules only: its start is most of what a
warm call costs. What it cannot hand over exactly (flags, terminals, further open files, programs
that have no use for what the server has loaded) and whatever goes wrong before the program has
begun ends in the real interpreter, started as ever.
"""

import _signal  # type: ignore[import-not-found]
import _socket
import marshal
import posix
import resource
import sys

LOADED = (b"openpyxl", b"numpy", b"pandas")
"""A program that names none of them goes to the real interpreter."""
APART = (b"socket", b"http.server", b"/dev/shm", b"/proc/", b"getppid", b"psutil")
"""In these the server's network, memory files and processes are not those of the command."""
FORWARDED = tuple(
    getattr(_signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2")
)
PATIENCE = 20.0
"""Seconds until the server, which may still be loading, must answer."""
PIPE_BYTES = 65536
LARGEST = 1 << 20
FILE_TYPE, REGULAR = 0o170000, 0o100000
LIMITS = 16
"""As many as Linux has."""


def program_text(args: list[str]) -> bytes:
    """Of the call's program; empty for what only the real interpreter does right."""
    # The fourth is that of the listing.
    opened = posix.listdir("/proc/self/fd")
    if len(opened) != 4 or not {"0", "1", "2"} < {*opened} or any(map(posix.isatty, range(3))):
        return b""
    if not args or args[0] == "-":
        return _reread_stdin()
    if args[0] == "-c":
        return args[1].encode() if len(args) > 1 else b""
    if args[0].startswith("-") or posix.stat(args[0]).st_mode & FILE_TYPE != REGULAR:
        return b""
    with open(args[0], "rb") as file:  # noqa: PTH123 (pathlib takes longer than all of this)
        return file.read(LARGEST)


def _reread_stdin() -> bytes:
    """All of it; it can be read once more."""
    parts = []
    while part := posix.read(0, PIPE_BYTES):
        parts.append(part)
    text = b"".join(parts)
    if len(text) <= PIPE_BYTES:
        again, writing = posix.pipe()
        posix.write(writing, text)
        posix.close(writing)
    else:
        again = posix.open("/tmp", posix.O_TMPFILE | posix.O_RDWR)
        rest = memoryview(text)
        while rest:
            rest = rest[posix.write(again, rest) :]
        posix.lseek(again, 0, 0)
    posix.dup2(again, 0)
    posix.close(again)
    return text


def fits(text: bytes, args: list[str]) -> bool:
    told = b"\n".join([text, posix.getcwdb(), *(arg.encode() for arg in args)])
    named = any(name in text for name in LOADED)
    return named and b"\0" not in text and not any(word in told for word in APART)


def as_started_cold(real: str) -> tuple[str, dict[bytes, bytes]]:
    """The program's own name, and its environment: in neither this program shows."""
    folder, _, name = sys.argv[0].rpartition("/")
    environment = dict(posix.environ)
    if b"_" in environment:
        environment[b"_"] = real.encode()
    if b"PATH" not in environment:
        return real, environment
    path = [one for one in environment[b"PATH"].split(b":") if one != folder.encode()]
    environment[b"PATH"] = b":".join(path)
    found = next((one for one in path if is_program(one + b"/" + name.encode())), b"")
    return name if found + b"/" + name.encode() == real.encode() else real, environment


def is_program(path: bytes) -> bool:
    return posix.access(path, posix.X_OK)


def request(real: str, args: list[str], text: bytes) -> bytes:
    umask = posix.umask(0)
    posix.umask(umask)
    ignored = [one for one in FORWARDED if _signal.getsignal(one) == _signal.SIG_IGN]
    limits = [resource.getrlimit(kind) for kind in range(LIMITS)]
    name, environment = as_started_cold(real)
    body = (real, [name, *args], posix.getcwd(), environment, umask, ignored, limits)
    return bytes([b"pandas" in text]) + marshal.dumps(body)


def hand_over(socket: str, message: bytes) -> None:
    """Ends this process as the program ended; returns, or raises, where it has not begun."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    connection.settimeout(PATIENCE)
    # By its handle: the name may be longer than a socket's can be.
    folder = posix.open(socket.rpartition("/")[0], posix.O_PATH)
    connection.connect(f"/proc/self/fd/{folder}/{socket.rpartition('/')[2]}")
    near, far = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    handles = b"".join(one.to_bytes(4, sys.byteorder) for one in (0, 1, 2, far.fileno()))
    connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handles)])
    far.close()
    received: list[int] = []

    def forward(number: int, frame: object) -> None:
        received.append(number)
        connection.send(bytes([number]))

    for number in FORWARDED:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, forward)
    near.settimeout(PATIENCE)
    if near.recv(1) != b"r":
        if received:
            die(received[0])
        return
    near.send(b"g")
    connection.settimeout(None)
    finish(connection.recv(4))


def finish(status: bytes) -> None:
    code = int.from_bytes(status, sys.byteorder)
    if len(status) != 4:
        die(_signal.SIGKILL)  # the server was killed, and the program with it
    if posix.WIFSIGNALED(code):
        die(posix.WTERMSIG(code))
    posix._exit(posix.WEXITSTATUS(code))


def die(number: int) -> None:
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    posix.kill(posix.getpid(), number)
    posix._exit(128 + number)


def main(socket: str, real: str) -> None:
    args = sys.argv[1:]
    try:
        text = program_text(args)
        if fits(text, args):
            hand_over(socket, request(real, args, text))
    except (OSError, ValueError):  # no server, no such file, not to be put in words
        pass
    name, environment = as_started_cold(real)
    posix.execve(real, [name, *args], environment)
