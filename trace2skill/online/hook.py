"""What the client runs when a session ends: the session is noted, and the client goes on at once.

python -I -S hook.py FOLDER [--start]

Clients give a hook a second and a half and tell nobody when they end it, so this imports nothing
of the project and no site packages, and leaves all work to a process of its own. It never fails: a
note that cannot be written is a line in FOLDER/hook.log, if even that can be written.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

SPOOL, CHECKED, HOOK_LOG, RUN_LOG = "spool", "checked", "hook.log", "run.log"
CHECK = "TRACE2SKILL_CHECK"
"""In the environment while the wizard looks whether the hook fires: nothing is learnt from that."""
MOST = 1 << 20


def main(folder: Path, start: bool) -> None:
    if not folder.is_dir():
        return
    checking = CHECK in os.environ
    try:
        note(folder / (CHECKED if checking else SPOOL), sys.stdin.buffer.read(MOST))
        if start and not checking:
            begin(folder)
    except Exception as error:  # nothing of ours may disturb the client
        complain(folder, f"{type(error).__name__}: {error}")


def note(folder: Path, told: bytes) -> None:
    """One file a session, in one step; a session that ends again takes the place of its note."""
    value = json.loads(told)
    session, file = str(value["session_id"]), str(value["transcript_path"])
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in session)[:80]
    kept = {"session": session, "file": file, "cwd": str(value.get("cwd", ""))}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f".{plain}.{os.getpid()}"
    try:
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(folder / f"{plain}.json")
    except OSError:
        new.unlink(missing_ok=True)
        raise


def begin(folder: Path) -> None:
    """Learn in a session of its own, so that it outlives the client."""
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    command = [sys.executable, "-E", "-P", "-m", "trace2skill", "online", "run"]
    os.nice(5)
    os.posix_spawn(
        sys.executable,
        [*command, "--config", f"{folder}.yaml"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, folder / RUN_LOG, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def complain(folder: Path, why: str) -> None:
    with contextlib.suppress(OSError), (folder / HOOK_LOG).open("a", encoding="utf-8") as log:
        log.write(f"{' '.join(why.split())[:300]}\n")


if __name__ == "__main__" and len(sys.argv) > 1:
    main(Path(sys.argv[1]), "--start" in sys.argv[2:])
