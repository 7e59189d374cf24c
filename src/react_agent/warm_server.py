"""A Python with openpyxl loaded that forks once for each call that warm_client.py hands over.

Runs inside the sandbox and serves one case. What it forks goes on as the interpreter itself would:
the program is run and the process ended by the C functions that `python` uses, below no frame of
this module, so that tracebacks, exit codes, the last flush and the clean-up are the real ones. For
that the forking thread, which becomes the main one of its child, is made of built-ins that call
one step after the other. Nobody in the case can get at the server's memory; who kills it has
Python start as ever.

What still tells: process numbers are those of another namespace, /proc/self/environ is the
server's, Python 3.11 allows three frames of recursion less, all programs of a case hash strings
alike, and `time` of the shell does not count them.
"""

import sys

_AT_START = {*sys.modules}
"""What every Python has loaded; no module of the program's folder could hide it."""

import _thread  # noqa: E402 (what is loaded was asked first)
import atexit  # noqa: E402
import builtins  # noqa: E402
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import functools  # noqa: E402
import gc  # noqa: E402
import importlib.machinery  # noqa: E402
import io  # noqa: E402
import marshal  # noqa: E402
import operator  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import types  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

Step = Callable[[], object]

LARGEST = 256 * 1024
"""Of a request; the kernel passes no longer message."""
_DECIDE_AT_START = (
    *(b"PYTHON", b"LANG", b"LC_", b"LD_", b"MALLOC_", b"GLIBC_", b"TZ", b"OPENPYXL_"),
    *(b"OMP_", b"OPENBLAS_", b"MKL_", b"NUMEXPR_", b"NPY_", b"NUMPY_", b"PANDAS_"),
)
"""Beginnings of variables that were read when the server started: a call must have the same."""
_STACK = 8 << 20
"""Bytes, as the kernel gives a main thread."""
_SET_DUMPABLE = 4
_IGNORE_COOKIE = 0x10
_SOCKETS = 3
"""Where the child keeps its line to the client; 0, 1 and 2 are the program's."""

_libc = ctypes.CDLL(None)
_libc.fopen.restype = ctypes.c_void_p
_run_file = ctypes.pythonapi.PyRun_AnyFileExFlags
_run_file.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)
_run_text = ctypes.pythonapi.PyRun_SimpleStringFlags
_run_text.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
_exit = ctypes.pythonapi.Py_Exit
_flags = (ctypes.c_int * 2)(_IGNORE_COOKIE, sys.version_info.minor)


class Call:
    """One client, and the process forked for it once its request is there."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pid = 0


class Server:
    """Waits and forks; all but the first byte of a request is looked into by the child only."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.steps: list[Step] = [self.serve]
        self.poll = select.poll()
        self.calls: dict[int, Call] = {}
        """By the handle of the connection."""
        self.children: dict[int, int] = {}
        """From the handle of a process to that of its connection."""
        self.environment = _decisive(os.environb)
        self.shared: set[str] = set()
        """Names of modules; of a child."""

    def serve(self) -> None:
        """Returns in a child only, with its next step in place."""
        try:
            atexit.register(self._spare)  # before all others, so that it is called after them
            _load("openpyxl")
            self._wait()
        except BaseException:  # a server that is not sound ends: Python starts as ever
            os._exit(1)

    def _wait(self) -> None:
        self.poll.register(self.listener.fileno(), select.POLLIN)
        while True:
            for handle, events in self.poll.poll():
                # What closes a handle ends the round: another event may be of the same call.
                if handle in self.children:
                    self._bury(handle)
                    break
                if handle == self.listener.fileno():
                    self._accept()
                elif self.calls[handle].pid:
                    self._pass_on(self.calls[handle], events)
                elif self._begin(handle):
                    return
                else:
                    break

    def _go_on(self, program: Step) -> None:
        self.shared = sys.modules.keys() - _AT_START - {"__main__"}

        def ended(failed: Any, function: object, arguments: object) -> Any:
            interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
            self.steps.append(functools.partial(_exit, 130 if failed and interrupted else -failed))
            return failed

        _run_file.errcheck = _run_text.errcheck = ended
        self.steps.append(program)

    def _spare(self) -> None:
        """Half of what a program's process would cost is to take apart, object by object, what
        it shares with the server: that is left to the kernel, the program's own is not."""
        kept = [sys.modules.pop(name, None) for name in self.shared]
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))

    def _accept(self) -> None:
        connection = self.listener.accept()[0]
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("iII", peer)[1] == os.getuid():
            self.calls[connection.fileno()] = Call(connection)
            self.poll.register(connection.fileno(), select.POLLIN)
        else:
            connection.close()

    def _begin(self, handle: int) -> bool:
        """Fork for a request; true in the child."""
        call = self.calls[handle]
        message, handles = _receive(call.connection)
        if message and message[0] and "pandas" not in sys.modules:
            _load("pandas")
        with contextlib.suppress(OSError):  # too many processes
            call.pid = os.fork() if message and len(handles) == 4 else -1
            if not call.pid:
                self._to_child(message, handles)
                return True
        for one in handles:
            os.close(one)
        if call.pid > 0:
            child = os.pidfd_open(call.pid)
            self.children[child] = handle
            self.poll.register(child, select.POLLIN)
        else:
            self.poll.unregister(handle)
            self.calls.pop(handle).connection.close()
        return False

    def _to_child(self, message: bytes, handles: list[int]) -> None:
        for one in (self.listener, *(call.connection for call in self.calls.values())):
            one.detach()
        try:
            self._go_on(_become(message[1:], handles, self.environment))
        except BaseException:  # nothing of the program has begun: the client becomes Python
            os._exit(0)

    def _pass_on(self, call: Call, events: int) -> None:
        """A signal for the program; with its client the program ends."""
        message = b"" if events & (select.POLLHUP | select.POLLERR) else call.connection.recv(1)
        if not message:
            self.poll.unregister(call.connection.fileno())
        with contextlib.suppress(OSError):  # no such signal
            os.kill(call.pid, message[0] if message else signal.SIGKILL)

    def _bury(self, child: int) -> None:
        call = self.calls.pop(handle := self.children.pop(child))
        self.poll.unregister(child)
        os.close(child)
        status = os.waitpid(call.pid, 0)[1]
        with contextlib.suppress(OSError):  # the client has gone
            call.connection.send(status.to_bytes(4, sys.byteorder))
        with contextlib.suppress(KeyError):
            self.poll.unregister(handle)
        call.connection.close()


def _load(name: str) -> None:
    with contextlib.suppress(ImportError):  # the program finds out by itself
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    try:
        message, ancillary, _, _ = connection.recvmsg(LARGEST, socket.CMSG_SPACE(4 * 16))
    except OSError:
        return b"", []
    return message, [one for _, _, raw in ancillary for (one,) in struct.iter_unpack("i", raw)]


def _decisive(environment: "os._Environ[bytes] | dict[bytes, bytes]") -> dict[bytes, bytes]:
    return {k: v for k, v in environment.items() if k.startswith(_DECIDE_AT_START)}


def _become(message: bytes, handles: list[int], at_start: dict[bytes, bytes]) -> Step:
    """Make this process the one that the client would have become. Raises before it has begun."""
    for place, handle in enumerate(handles):
        os.dup2(handle, place)
    os.closerange(_SOCKETS + 1, os.sysconf("SC_OPEN_MAX"))
    real, argv, folder, environment, umask, ignored, limits = marshal.loads(message)
    if _decisive(environment) != at_start:
        raise ValueError("needs a start of its own")
    os.chdir(folder)
    args = argv[1:]
    is_file = bool(args) and args[0] not in ("-", "-c")
    first = os.path.dirname(os.path.realpath(args[0])) if is_file else ""  # noqa: PTH120
    beside = {name.partition(".")[0] for name in os.listdir(first or ".")}  # noqa: PTH208
    if beside & {name.partition(".")[0] for name in sys.modules.keys() - _AT_START}:
        raise ValueError("a module of its own has the name of one that is loaded")
    for kind, wanted in enumerate(limits):
        if resource.getrlimit(kind) != wanted:
            resource.setrlimit(kind, wanted)
    os.setsid()
    os.umask(umask)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    os.write(_SOCKETS, b"r")
    if os.read(_SOCKETS, 1) != b"g":
        raise ValueError("its client has gone")
    os.close(_SOCKETS)
    _libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)
    os.environ.clear()
    os.environb.update(environment)
    sys.executable, sys.orig_argv, sys.path[0] = real, argv, first
    sys.argv[:] = ["-c", *args[2:]] if args[:1] == ["-c"] else args or [""]
    _like_new()
    return _program(args)


def _like_new() -> None:
    """What the interpreter sets up before it runs a program."""
    _thread.stack_size(0)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        old = getattr(sys, name)
        raw: Any = open(number, f"{mode}b", closefd=False)  # noqa: SIM115
        raw.raw.name = f"<{name}>"
        new: Any = io.TextIOWrapper(raw, old.encoding, old.errors, "\n", old.line_buffering)
        new.mode = mode
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __loader__=importlib.machinery.BuiltinImporter, __annotations__={}, __builtins__=builtins
    )
    sys.modules["__main__"] = main
    del sys.modules[__name__]
    if random := sys.modules.get("numpy.random"):
        random.seed()


def _program(args: list[str]) -> Step:
    if not args or args[0] == "-":
        stdin = ctypes.c_void_p.in_dll(ctypes.pythonapi, "stdin")
        return functools.partial(_run_file, stdin, b"<stdin>", 0, None)
    if args[0] == "-c":
        return functools.partial(_run_text, args[1].encode() + b"\n", ctypes.byref(_flags))
    name = os.path.join(os.getcwdb(), os.fsencode(args[0]))  # noqa: PTH109, PTH118
    if not (file := _libc.fopen(name, b"rb")):
        os._exit(2)
    return functools.partial(_run_file, file, name, 1, None)


def start(listener: int, ready: int) -> None:
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    os.chdir("/")
    os.write(ready, b".")
    os.close(ready)
    server = Server(socket.socket(fileno=listener))
    _thread.stack_size(_STACK)
    _thread.start_new_thread(list, (map(operator.call, server.steps),))
    forever = _thread.allocate_lock()
    forever.acquire()
    forever.acquire()
