"""Commands whose result must not tell whether `python` was warm. The word openpyxl in a program is
what sends it to the warm interpreter."""

from textwrap import dedent

FILES = {
    "show.py": """
        import os, sys, __main__  # openpyxl
        print(sys.argv, sys.path[0], sys.executable, sys.flags, __file__, __name__, os.getcwd())
        print(sorted(vars(__main__)), __loader__.__class__, __spec__, __package__, __doc__)
        print(sys.stdin, sys.stdout, sys.stderr, sys.__stdout__ is sys.stdout, sys.orig_argv)
        print(sys.stdin.isatty(), sys.stdout.line_buffering, sys.stderr.line_buffering)
        print(sorted(os.listdir("/proc" + "/self/fd")), sys.warnoptions, sys.getrecursionlimit())
        print({k: v for k, v in os.environ.items() if k not in ("PATH", "SANDBOX_CASE")})
        """,
    "helper.py": "def half(n):\n    return n / 0 if n == 7 else n / 2\n",
    "calls.py": "import openpyxl, helper\nprint(helper.half(4))\nprint(helper.half(7))\n",
    "chained.py": """
        import openpyxl
        def deep(n):
            return deep(n - 1) if n else {}["missing"]
        try:
            deep(3)
        except KeyError as error:
            raise ValueError("outer") from error
        """,
    "broken.py": "import openpyxl\nif True\n    pass\n",
    "latin.py": b"# -*- coding: latin-1 -*-\n# openpyxl\nprint('\xe4\xf6')\n",
    "notutf8.py": b"# openpyxl\nprint('\xe4\xf6')\n",
    "nul.py": b"# openpyxl\nprint('a\0b')\n",
    "warns.py": """
        import warnings, openpyxl
        def old():
            warnings.warn("old", DeprecationWarning, stacklevel=2)
        old()
        warnings.warn("far out", stacklevel=5)
        """,
    "frames.py": """
        import inspect, sys, threading, traceback  # openpyxl
        print([frame.function for frame in inspect.stack()], sys._getframe().f_back)
        traceback.print_stack()
        print(threading.current_thread() is threading.main_thread(), threading.active_count())
        print(threading.current_thread().name)
        """,
    "ending.py": """
        import atexit, sys, threading, time  # openpyxl
        class Last:
            def __del__(self):
                print("deleted", file=sys.__stdout__, flush=True)
        last = Last()
        atexit.register(print, "at exit 1")
        atexit.register(print, "at exit 2")
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        left_open = open("left_open.txt", "w")
        left_open.write("not flushed by hand")
        sys.stdout.write("no newline")
        """,
    "hook.py": """
        import sys  # openpyxl
        sys.excepthook = lambda kind, value, trace: print(kind, trace.tb_frame.f_code.co_name)
        raise OSError("to the hook")
        """,
    "pickles.py": """
        import dataclasses, pickle, typing  # openpyxl
        @dataclasses.dataclass
        class Row:
            name: "str"
        if __name__ == "__main__":
            print(pickle.loads(pickle.dumps(Row("a"))), typing.get_type_hints(Row))
        """,
    "pools.py": """
        import concurrent.futures, multiprocessing, sys  # openpyxl
        def square(n):
            return n * n
        if __name__ == "__main__":
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                print(pool.map(square, range(4)))
        """,
    "starts.py": """
        import os, subprocess, sys  # openpyxl
        print(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout)
        print(subprocess.run("python -c 'import openpyxl; print(2)'", shell=True).returncode)
        sys.stdout.flush()
        if os.fork() == 0:
            print("child")
            sys.exit(4)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
    "asks.py": "import openpyxl\nprint([input('? '), input()])\ninput()\n",
    "bytes.py": "import sys  # openpyxl\nprint(sys.stdin.buffer.read())\n",
    "floods.py": "# openpyxl\nfor n in range(60000):\n    print(n, 'x' * 20)\n",
    "both.py": """
        import sys  # openpyxl
        for n in range(3):
            print("out", n)
            print("err", n, file=sys.stderr)
            if n == 1:
                sys.stdout.flush()
        """,
    "handles.py": """
        import signal, sys, time  # openpyxl
        def stop(number, frame):
            print("got", number, frame.f_code.co_name)
            sys.exit(5)
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        time.sleep(20)
        """,
    "sleeps.py": "import time  # openpyxl\nprint('in', flush=True)\ntime.sleep(20)\n",
    "listens.py": """
        import socket
        with socket.create_server(("127.0.0.1", 4711)) as server:
            server.accept()[0].send(b"hi")
        """,
    "connects.py": """
        import openpyxl, socket
        print(socket.create_connection(("127.0.0.1", 4711)).recv(2))
        """,
    "async.py": """
        import asyncio  # openpyxl
        async def main():
            process = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
            print(await process.communicate())
        asyncio.run(main())
        """,
    "book.py": """
        import openpyxl
        from openpyxl.styles import Font
        book = openpyxl.Workbook()
        book.active.append(["name", "n"])
        book.active.append(["ä", 4711])
        book.active["C1"] = "=SUM(B1:B2)"
        book.active["C1"].font = Font(bold=True)
        book.save("book.xlsx")
        print(openpyxl.load_workbook("book.xlsx").active["C1"].font.b)
        """,
    "frame.py": """
        import pandas as pd
        frame = pd.DataFrame({"a": [1, 2, None], "b": ["x", "y", "z"]})
        frame.groupby("b").sum().to_excel("frame.xlsx")
        print(pd.read_excel("frame.xlsx").describe())
        frame["missing"]
        """,
    "own/calendar.py": "print('a calendar of their own')\n",
    "own/main.py": "import openpyxl, calendar\nprint(hasattr(calendar, 'monthrange'))\n",
    "pkg/__init__.py": "",
    "pkg/__main__.py": "import sys, openpyxl\nprint(sys.argv[1:], __package__)\n1 / 0\n",
    "lib/far.py": "print('from PYTHONPATH')\n",
}

COMMANDS = [
    "python show.py a 'b c' ä",
    "python3 ./show.py; cd pkg && python ../show.py; cd ..; python $PWD/show.py",
    "ln -s ../show.py pkg/link.py; python pkg/link.py; rm pkg/link.py",
    "FOO=bar python show.py",
    'umask 077; python -c \'import openpyxl; open("private", "w")\'; stat -c %a private',
    "python calls.py",
    "python chained.py",
    "python broken.py",
    "python latin.py; python notutf8.py; python nul.py",
    "python warns.py",
    "python frames.py",
    "python ending.py; cat left_open.txt",
    "python hook.py",
    "python pickles.py",
    "python pools.py fork",
    "python pools.py spawn",
    "python starts.py",
    "printf 'one\\ntwo\\n' | python asks.py",
    "printf 'a\\0b\\xff' | python bytes.py; python bytes.py < latin.py",
    "python floods.py | md5sum; python floods.py > floods.txt; md5sum floods.txt",
    "python floods.py | head -1; echo ${PIPESTATUS[0]}",
    "python both.py; python both.py > both.txt 2>&1; cat both.txt; python both.py 2>> both.txt",
    "timeout 1 python sleeps.py; echo $?; timeout -s INT 1 python sleeps.py; echo $?",
    "timeout -s KILL 1 python sleeps.py; echo $?; timeout 1 python handles.py; echo $?",
    "python sleeps.py & sleep 0.7; kill $!; wait $!; echo $?",
    "for n in 1 2 3; do python -c 'import openpyxl, sys; sys.exit(int(sys.argv[1]))' $n; "
    "echo $?; done",
    "python -c 'import openpyxl, sys; sys.exit(\"a text\")'; echo $?",
    "python -c 'import openpyxl, sys; sys.exit()'; echo $?",
    "python -c 'import openpyxl, os; os._exit(9)'; echo $?",
    "python -c 'import openpyxl; raise SystemExit(300)'; echo $?",
    "python -c 'import openpyxl; raise KeyboardInterrupt'; echo $?",
    "python -c 'import openpyxl, os; os.kill(os.getpid(), 15)'; echo $?",
    "python -c 'import openpyxl, ctypes; ctypes.string_at(0)' 2> /dev/null; echo $?",
    "python -c 'import openpyxl, sys; sys.stdout.close(); print(1)'; echo $?",
    "python -c 'import openpyxl\nif True\n  1'",
    "python -c 'import openpyxl; print(__name__, sorted(globals()))\n1 / 0'",
    "python -c 'import openpyxl; print(__loader__)' < /dev/null",
    "python -c",
    "python - x y <<'END'\nimport openpyxl, sys\nprint(sys.argv, sys.stdin.read())\n"
    "def fails():\n    raise ValueError(sys.path[0])\nfails()\nEND",
    "echo 'import openpyxl, sys; print(sys.argv); sys.exit(3)' | python; echo $?",
    "(echo 'import openpyxl, sys'; for n in $(seq 9000); do echo \"# padding $n\"; done; "
    "echo 'print(1, sys.stdin.read())') | python -",
    "python < show.py; python <(cat calls.py); python calls.py 3< show.py",
    "python show.py <&-; python calls.py >&-; python calls.py 2>&-; echo $?",
    "python listens.py & sleep 0.7; python connects.py",
    "echo 1 > /dev/shm/a; python -c 'import openpyxl; print(open(\"/dev/shm/a\").read())'",
    "python async.py",
    "python book.py",
    "python frame.py",
    "python own/main.py; cd own && python -c 'import openpyxl, calendar; print(calendar.__file__)'",
    "python -m pkg a b; python pkg; python -m missing",
    "python missing.py; python lib; echo $?",
    "PYTHONPATH=lib python -c 'import openpyxl, far'; PYTHONWARNINGS=error python warns.py",
    "LC_ALL=C python -c 'import openpyxl, locale; print(locale.getlocale())'; "
    "TZ=Asia/Tokyo python -c 'import openpyxl, time; print(time.localtime(0).tm_hour)'",
    "env -i $(command -v python) -c 'import openpyxl, os; print(dict(os.environ))' | tr , '\\n' "
    "| grep -v _=",
    "python -V; python -u calls.py; python -O -c 'import openpyxl; print(__debug__)'",
    "echo 'import openpyxl; print(5)' | python -i 2>&1 | head -c 20",
    "(ulimit -t 1; python -c 'import openpyxl\nwhile True: pass'); echo $?",
    '(ulimit -f 1; python -c \'import openpyxl; open("big", "w").write("x" * 9999)\'); echo $?',
    "(ulimit -v 900000; python -c 'import openpyxl; bytearray(1 << 30)'); echo $?",
    "nohup python -c 'import openpyxl, signal; print(signal.getsignal(signal.SIGHUP))' 2>&1 "
    "| tail -1",
    "mkdir gone && cd gone && rmdir ../gone && python -c 'import openpyxl; print(1)'; echo $?",
    "chmod 000 helper.py; python helper.py; echo $?; chmod 644 helper.py",
]


def text(source: str | bytes) -> bytes:
    return source if isinstance(source, bytes) else dedent(source).lstrip("\n").encode()
