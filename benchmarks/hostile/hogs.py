"""Commands that a hostile agent may use up a machine with: each is to be stopped by its limit."""

from hostile.scene import python

from react_agent.sandbox.limits import MiB

Hog = tuple[str, dict[str, float], set[str], set[int]]

HOGS: dict[str, Hog] = {
    "one big file": ("head -c 9M /dev/zero > f", {"file_bytes": MiB}, {""}, {153, 1}),
    "many big files": (
        "for n in {1..500}; do head -c 1M /dev/zero > f$n || exit 1; sleep 0.01; done",
        {"folder_bytes": 9 * MiB},
        {"disk", ""},
        {137, 1},
    ),
    "big files in tmp": (
        "for n in {1..500}; do head -c 1M /dev/zero > $TMPDIR/f$n || exit 1; sleep 0.01; done",
        {"folder_bytes": 9 * MiB},
        {"disk", ""},
        {137, 1},
    ),
    "deleted files held open": (
        'for n in {10..99}; do eval "exec $n>f"; rm f; head -c 1M /dev/zero >&$n || exit 1; done; '
        "sleep 9",
        {"folder_bytes": 9 * MiB},
        {"disk", ""},
        {137, 1},
    ),
    "many files": (
        "for n in {1..99999}; do : > f$n || exit 1; done",
        {"folder_files": 500},
        {"files", ""},
        {137, 1},
    ),
    "a sparse file": ("truncate -s 1T f", {"file_bytes": MiB}, {""}, {153, 1}),
    "many links to one file": (
        ": > f; for n in {1..99999}; do ln f l$n || exit 1; done",
        {"folder_files": 500},
        {"files", ""},
        {137, 1},
    ),
    "deep folders": (
        python(
            """
            import os, time
            for n in range(2500):
                os.mkdir("d")
                os.chdir("d")
            time.sleep(2)
            """
        ),
        {"folder_files": 2000},
        {"disk", "files", ""},
        {137, 1},
    ),
    "folders that cannot be read": (
        python(
            """
            import os, time
            for n in range(999):
                os.mkdir(f"d{n}", 0)
            time.sleep(9)
            """
        ),
        {"folder_files": 500},
        {"files", "disk", ""},
        {137, 1},
    ),
    "memory of one process": (
        python("x = b'x' * (1 << 30)"),
        {"address_space": 500 * MiB},
        {""},
        {1, 137},
    ),
    "memory of many processes": (
        "for n in 1 2 3 4; do python -c 'import time; x = b\"x\" * (60 << 20); time.sleep(9)' & "
        "done; wait",
        {"memory": 150 * MiB},
        {"memory"},
        {137},
    ),
    "time of many processors": (
        "for n in 1 2 3 4; do (while :; do :; done) & done; wait",
        {"seconds": 1},
        {"timeout"},
        {137},
    ),
    "processor time": ("while :; do :; done", {"cpu_seconds": 1}, {""}, {137, 152}),
    "a core file": ("ulimit -c; kill -ABRT $$", {}, {""}, {134}),
    "open files": (
        python("x = [open('/dev/null') for n in range(99)]"),
        {"open_files": 64},
        {""},
        {1},
    ),
    "watches": (
        python(
            """
            import ctypes
            c = ctypes.CDLL(None)
            assert all(c.inotify_init() >= 0 for n in range(99))
            """
        ),
        {"open_files": 64},
        {""},
        {1},
    ),
    "output without end": ("yes", {"output_bytes": 9 * MiB}, {"output"}, {137}),
    "memory behind a first thread that has ended": (
        python(
            """
            import ctypes, os, threading, time
            def hog():
                time.sleep(0.1)
                x = b"x" * (400 << 20)
                time.sleep(4)
                os._exit(0)
            threading.Thread(target=hog).start()
            ctypes.CDLL(None).syscall({exit}, 0)
            """
        ),
        {"memory": 150 * MiB},
        {"memory"},
        {137},
    ),
    "memory behind many open files": (
        python(
            """
            import os, time
            for _ in range(100):
                if os.fork() == 0:
                    f = os.open("/etc/passwd", os.O_RDONLY)
                    for _ in range(950):
                        os.dup(f)
                    time.sleep(12)
                    os._exit(0)
            time.sleep(1)
            x = b"x" * (900 << 20)
            time.sleep(4)
            """
        ),
        {"memory": 800 * MiB},
        {"memory"},
        {137},
    ),
}
"""Command, limits, and by which limit and with which exit codes it may end. None takes more of
the machine than its limits say, nor longer than 15 seconds."""

HOGS_OF_THE_KERNEL: dict[str, Hog] = {
    "data in sockets": (
        python(
            """
            import os, socket, time
            for _ in range(4):
                if os.fork() == 0:
                    held = []
                    for _ in range(480):
                        a, b = socket.socketpair()
                        a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
                        a.setblocking(False)
                        held.append((a, b))
                        try:
                            while True:
                                a.send(b"x" * 65536)
                        except BlockingIOError:
                            pass
                    time.sleep(5)
                    os._exit(0)
            time.sleep(5)
            """
        ),
        {"memory": 150 * MiB},
        {"memory"},
        {137},
    ),
    "process 1 as another program": (
        python(
            """
            import ctypes, os, shutil, struct, time
            with open("evil.py", "w") as file:
                file.write("open('f', 'wb').write(b'x' * (8 << 20))")
            trace = ctypes.CDLL(None).ptrace
            trace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
            if trace(16, 1, None, None):
                raise SystemExit("not traced")
            os.waitpid(1, 0x40000000)
            registers = (ctypes.c_ulonglong * 27)()
            trace(12, 1, None, registers)
            at = registers[16] & ~0xFFF
            program = os.path.realpath(shutil.which("python")).encode() + b"\\0"
            words = program + os.path.abspath("evil.py").encode() + b"\\0"
            words += b"\\0" * (-len(words) % 8)
            blob = b"\\x0f\\x05\\xeb\\xfe".ljust(8, b"\\0") + words
            blob += struct.pack("<QQQ", at + 8, at + 8 + len(program), 0)
            for n in range(0, len(blob), 8):
                trace(5, 1, at + n, struct.unpack("<Q", blob[n : n + 8])[0])
            registers[16], registers[10], registers[15] = at, 59, (1 << 64) - 1
            registers[14], registers[13], registers[12] = at + 8, at + 8 + len(words), 0
            trace(13, 1, None, registers)
            trace(17, 1, None, None)
            time.sleep(3)
            """
        ),
        {"file_bytes": MiB},
        {"", "timeout"},
        {0, 1, 137, 139, 255},
    ),
}
"""What it takes belongs to no process, or to one of the sandbox's own."""

HOGS_OF_SPACE: dict[str, Hog] = {
    "deleted files that are mapped": (
        python(
            """
            import ctypes, os, time
            c = ctypes.CDLL(None)
            c.mmap.restype = ctypes.c_void_p
            word, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
            c.mmap.argtypes = (word, size, number, number, number, ctypes.c_long)
            for n in range(60):
                f = os.open("f", os.O_RDWR | os.O_CREAT)
                os.write(f, b"x" * (1 << 20))
                c.mmap(None, 4096, 1, 1, f, 0)
                os.close(f)
                os.unlink("f")
            """
        ),
        {"folder_bytes": 9 * MiB},
        {""},
        {1},
    ),
    "deleted files on their way through a socket": (
        python(
            """
            import os, socket
            a, b = socket.socketpair()
            for n in range(60):
                f = os.open("f", os.O_RDWR | os.O_CREAT)
                os.write(f, b"x" * (1 << 20))
                socket.send_fds(a, [b"."], [f])
                os.close(f)
                os.unlink("f")
            """
        ),
        {"folder_bytes": 9 * MiB},
        {""},
        {1},
    ),
    "large files at once": (
        "for n in 1 2 3 4 5 6; do fallocate -l 4M f$n || exit 1; done",
        {"folder_bytes": 9 * MiB},
        {""},
        {1},
    ),
    "many files at once": (
        python("for n in range(700): open(f'e{n}', 'w').close()"),
        {"folder_files": 500},
        {""},
        {1},
    ),
    "many files in shared memory": (
        python("for n in range(700): open(f'/dev/shm/e{n}', 'w').close()"),
        {"folder_files": 500},
        {""},
        {1},
    ),
    "shared memory": (
        "head -c 20M /dev/zero > /dev/shm/f",
        {"folder_bytes": 9 * MiB},
        {""},
        {1},
    ),
}
"""Only the kernel stops these in time, or at all: where it bounds what a case writes."""

FORK_BOMB: Hog = (
    "b() { b | b & }; b; sleep 9",
    {"processes": 40, "seconds": 1.5},
    {"timeout", "processes"},
    {137},
)
"""Not for a machine that lacks the sandbox: there it is only seen when it has grown."""
