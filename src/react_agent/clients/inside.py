"""Runs in the sandbox, in the agent's Python and by itself: brings the gateway in and starts the
client. Where there is no network, a port of the loopback leads to the gateway's socket.

    python inside.py START.json

The last line that it prints is an object of type `client_ended`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

KEPT = 4000
"""Bytes of the end of what the client has said on stderr."""
PIECE = 1 << 16


def main(start: str) -> None:
    told = json.loads(Path(start).read_text(encoding="utf-8"))
    if told["socket"]:
        door(told["socket"], told["port"])
    code, said = client(told)
    said += Path(told["stderr"]).read_bytes()[-KEPT:].decode("utf-8", "replace")
    # On a line of its own, whatever the client has printed last.
    ended = {"type": "client_ended", "exit_code": code, "stderr": said}
    sys.stdout.write(f"\n{json.dumps(ended)}\n")


def client(told: dict[str, Any]) -> tuple[int | None, str]:
    """Its exit code, or why it did not start."""
    here = os.environ.get("PATH", "")
    own = {name: value.replace("{PATH}", here) for name, value in told["env"].items()}
    stdin, stderr = Path(told["stdin"] or os.devnull), Path(told["stderr"])
    with stdin.open("rb") as given, stderr.open("wb") as errors:
        try:
            done = subprocess.run(
                told["argv"], env={**os.environ, **own}, stdin=given, stderr=errors, check=False
            )
        except OSError as error:
            return None, str(error)
    return done.returncode, ""


def door(place: str, port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=serve, args=(listener, place), daemon=True).start()


def serve(listener: socket.socket, place: str) -> None:
    while True:
        here, _ = listener.accept()
        there = socket.socket(socket.AF_UNIX)
        try:
            there.connect(place)
        except OSError:
            here.close()
            continue
        for one, other in ((here, there), (there, here)):
            threading.Thread(target=pump, args=(one, other), daemon=True).start()


def pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(PIECE):
            other.sendall(piece)
    for end, how in ((other, socket.SHUT_WR), (one, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


if __name__ == "__main__":
    main(sys.argv[1])
