"""`online init`: asks, writes, and sees the hook fire before it says done."""

import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.models.providers.known import known
from react_agent.settings import KEY
from react_agent.skills import find_skill
from trace2skill.online.client_settings import ClientSettings, hook_command
from trace2skill.online.home import Home, client_folder, usual_root, write_key, write_learner
from trace2skill.online.hook import CHECK, CHECKED
from trace2skill.online.settings import Learner, SetUp

Ask = Callable[[str, str], str]
"""A question and what an empty answer stands for."""
KEY_NAME = "OPENAI_API_KEY"
SLOWEST = 1.0
"""Seconds; a hook that takes longer may be ended by the client, which gives it 1.5."""
CLIENT = "claude"
PATIENCE = 45.0
"""Seconds for the client to come to its end."""


@dataclass(frozen=True)
class Ready:
    home: Home
    client_settings: Path
    copy: Path | None
    """Of the client's settings as they were."""
    own_copy: Path | None
    """Of ours, where other ones were there."""
    seconds: float
    """That the hook takes."""
    seen: str
    """How the hook was seen to fire."""


def set_up(given: SetUp, ask: Ask | None = None) -> Ready:
    """Raises ContractError, with the client's settings as they were."""
    learner = _learner(given, ask)
    config = (given.config or usual_root() / f"{learner.skill.name}.yaml").expanduser().absolute()
    if config.suffix != ".yaml":
        raise ContractError(f"{config}: has to end in .yaml")
    home = Home(config, learner)
    file = settings_file(given.client_settings)
    before = ClientSettings.read(file)
    if not learner.by_hand:
        _can_begin()
    name = known(given.provider).key_variable if given.provider else KEY_NAME
    key = given.api_key or (_key(ask, name) if ask and not given.yes else "")
    home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    own_copy = write_learner(config, learner)
    if key:
        write_key(config.parent, name, key)
    after = before.with_hook(home.folder, hook_command(home.folder, start=not learner.by_hand))
    copy = after.write() if after.value != before.value else None
    try:
        seconds = _fires(home, file)
        seen = _seen_by_client(home, file)
    except ContractError:
        before.write()
        raise
    return Ready(home, file, copy, own_copy, seconds, seen)


def settings_file(given: Path | None) -> Path:
    return (given or client_folder() / "settings.json").expanduser()


def take_out(folder: Path, file: Path) -> Path | None:
    """Our hook alone. The copy of what was there, or None where there was no hook of ours."""
    before = ClientSettings.read(file)
    return before.without_hook(folder).write() if before.command(folder) else None


def _learner(given: SetUp, ask: Ask | None) -> Learner:
    ask = None if given.yes else ask
    skill = str(given.skill or (ask("The skill's folder", "") if ask else ""))
    if not skill:
        raise ContractError("skill: which folder? Give --skill FOLDER")
    root = find_skill(Path(skill).expanduser()).root.resolve()
    asked = os.environ.get("OPENAI_MODEL", "")
    model = given.model or (ask("Model that draws the lessons", asked) if ask else asked)
    if not model:
        raise ContractError("model: which one draws the lessons? Give --model, or OPENAI_MODEL")
    address = given.base_url or os.environ.get("OPENAI_BASE_URL")
    if given.provider:
        address = given.base_url
    elif ask and not given.base_url:
        address = ask("Address of the endpoint", address or "https://api.openai.com/v1")
    names = [f.name for f in fields(Learner) if KEY in f.metadata]
    values = {name: getattr(given, name) for name in names}
    return Learner(**{**values, "skill": root, "model": model, "base_url": address or None})


def _key(ask: Ask, name: str) -> str:
    present = os.environ.get(name, "")
    if not present:
        return getpass.getpass("Key of the endpoint (EMPTY for a local server): ").strip()
    answer = ask(f"Keep the key in {name} for runs in the background, yes or no?", "yes")
    return present if answer.lower().startswith("y") else ""


def _can_begin() -> None:
    """The hook starts the learner from wherever the client works."""
    command = [sys.executable, "-E", "-P", "-c", "import trace2skill.cli"]
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(command, cwd=elsewhere, capture_output=True, check=False)
    if done.returncode:
        raise ContractError(
            f"{sys.executable}: does not find trace2skill from another folder, so a hook could "
            "start nothing; install it (pip install -e .), or give --by_hand"
        )


def _fires(home: Home, file: Path) -> float:
    """Run the command that stands in the client's settings as the client would."""
    command = ClientSettings.read(file).command(home.folder)
    if command is None:
        raise ContractError(f"{file}: does not hold the hook that was just written")
    told = {"session_id": "check", "transcript_path": "/none", "hook_event_name": "SessionEnd"}
    with _checked(home) as notes:
        started = time.monotonic()
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=json.dumps(told).encode(),
            env={**os.environ, CHECK: "1"},
            capture_output=True,
            check=False,
        )
        seconds = time.monotonic() - started
        if done.returncode or not any(notes.glob("*.json")):
            raise ContractError(
                f"{file}: the hook was written and does not fire (exit code {done.returncode}), so "
                f"it was taken out again; its command: {command}"
            )
    if seconds > SLOWEST:
        raise ContractError(
            f"the hook takes {seconds:.1f} s and the client ends it after 1.5 s, so it was taken "
            "out again; try once more when the machine has less to do"
        )
    return seconds


@contextmanager
def _checked(home: Home) -> Iterator[Path]:
    """Where notes go that are only to be seen."""
    folder = home.folder / CHECKED
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _seen_by_client(home: Home, file: Path) -> str:
    """By the client itself, against an address on this machine that refuses: nothing is paid."""
    client = shutil.which(CLIENT)
    if client is None:
        return f"by its command; {CLIENT} is not on the PATH"
    if file.resolve() != (client_folder() / "settings.json").resolve():
        return f"by its command; {CLIENT} reads other settings than {file}"
    with _checked(home) as notes, _refusing() as url, tempfile.TemporaryDirectory() as elsewhere:
        process = subprocess.Popen(
            [client, "-p", "hello", "--no-session-persistence"],
            cwd=elsewhere,
            env={
                **os.environ,
                CHECK: "1",
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "none",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        if any(notes.glob("*.json")):
            return f"by its command and by {client}"
    return f"by its command; {client} was started and did not fire it, so look at `{CLIENT} doctor`"


@contextmanager
def _refusing() -> Iterator[str]:
    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = HTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
