"""Row `secrets`: a key, a query key and a gateway's key through all stages, and where they turn up.

The server tells them in its errors, the agent's commands look for them in every environment, and
all that the commands print and leave is searched for them in several spellings.
"""

import base64
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from measuring.folders import MINI, ROOT
from trial.program import AS_MODULE
from trial.row import Row, Trial
from trial.server import FaultServer, Messages, raw, refusal, reply
from trial.stages import Pipeline, scripted

from react_agent.errors import ContractError
from react_agent.sandbox.door import SandboxKind, open_sandbox

log = logging.getLogger(__name__)

TASKS = ("9001", "9015")
"""One that the script's agent fails, and one that it solves."""
_SEEN = "tr '\\0' '\\n' | grep -aoE '[A-Za-z_]+-secret.{0,60}' | sort -u"
LOOK = f"env; (cat /proc/*/environ; ps axeww; cat /proc/*/cmdline) 2>/dev/null | {_SEEN}; "
"""Each secret once: among the processes of a busy machine it would stand where output is cut."""
LOOKED = "SANDBOX_CASE="
"""In every environment that LOOK prints: else nothing was looked for."""
OTHERS = {"AWS_SECRET_ACCESS_KEY": "aws", "HTTPS_PROXY": "http://me:proxy@127.0.0.1:9"}
SECONDS = 300


@dataclass(frozen=True)
class Secrets:
    """Drawn anew for each trial; with characters that other spellings change."""

    seed: int

    def _drawn(self, name: str) -> str:
        return f"{name}/+{hashlib.sha256(f'{name} {self.seed}'.encode()).hexdigest()[:24]}=="

    @property
    def by_name(self) -> dict[str, str]:
        names = ("key", "query", "access", *OTHERS)
        return {name: self._drawn(f"{name}-secret") for name in names}

    def spellings(self) -> Iterator[tuple[str, bytes]]:
        for name, secret in self.by_name.items():
            text = secret.encode()
            yield name, text
            for safe in ("", "/"):
                yield f"{name}, percent-encoded", quote(secret, safe=safe).encode()
            yield f"{name} in hexadecimal", text.hex().encode()
            for shift in range(3):  # as base64 spells it, whatever stands before
                spelt = base64.b64encode(bytes(shift) + text)
                yield f"{name} in base64", spelt[4:-4]

    def found_in(self, content: bytes) -> list[str]:
        return sorted({name for name, spelt in self.spellings() if spelt in content})


@dataclass
class Search:
    """Runs commands below one folder, and says where secrets turned up."""

    folder: Path
    secrets: Secrets
    before: str = ""
    """Python that runs first: a test takes a defence out with it."""
    only: str = ""
    """Run no other commands than those of this name."""
    own: set[Path] = field(default_factory=set)
    """Files that hold a secret because the user put it there."""
    wrong: list[str] = field(default_factory=list)
    commands: int = 0

    def run(
        self, what: str, module: str, *argv: object, codes: Sequence[int] = (0, 1), **env: str
    ) -> None:
        if self.only not in what:
            return
        code = f"{self.before}\n{AS_MODULE}"
        command = [sys.executable, "-c", code, module, *map(str, argv)]
        given = {name: self.secrets.by_name[name] for name in OTHERS}
        given["HTTPS_PROXY"] = f"http://me:{quote(given['HTTPS_PROXY'], safe='')}@127.0.0.1:9"
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **given, **env, "TMPDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        self.commands += 1
        log.info("%s: %.1f s", what, time.monotonic() - started)
        said = done.stdout + done.stderr
        self.wrong += [f"{what}: prints the {name}" for name in self.secrets.found_in(said)]
        if done.returncode not in codes:
            words = said.decode("utf-8", "replace").strip()[-300:]
            self.wrong.append(f"{what}: exit code {done.returncode}: {words}")

    def look_through(self) -> None:
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path not in self.own:
                where = path.relative_to(self.folder)
                names = [*self.secrets.found_in(path.read_bytes())]
                names += self.secrets.found_in(str(where).encode())
                self.wrong += [f"{where}: holds the {name}" for name in names]

    @property
    def files(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))


@dataclass
class Answers:
    """First an error that tells all it was sent, for every third request; then the script's answer,
    whose commands look around."""

    always: int = 0
    """A status with which everything is refused."""
    asked: set[str] = field(default_factory=set)

    def __call__(self, messages: Messages, words: str) -> object:
        if self.always:
            return refusal(self.always, words)
        key = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
        if key not in self.asked and int(key, 16) % 3 == 0:
            self.asked.add(key)
            errors = (
                refusal(500, words, retry_after="0"),
                refusal(429, {"error": {"message": "slow"}, "request": words}, retry_after="0"),
                raw(f"<p>{'x' * 150}{words}", status=502, content_type="text/html"),
                raw(json.dumps({"error": {"message": words, "code": 500}})),
            )
            return errors[int(key, 16) // 3 % len(errors)]
        return _looking(scripted(messages))


@dataclass
class EchoServer(FaultServer):
    """Its errors repeat what was sent, but the conversation."""

    told: Answers = field(default_factory=Answers)

    async def _handle(self, body: dict[str, Any]) -> Any:
        messages = body.pop("messages", body.pop("prompt", []))
        headers = self._stub.headers[-1]
        key = body.get("access_key") or headers.get("Authorization")
        words = f"no {key} {self._stub.paths[-1]} {json.dumps(dict(headers))} {json.dumps(body)}"
        answer = self.told(messages, words)
        return reply(answer) if isinstance(answer, str) else answer


def _looking(text: str) -> str:
    """The commands of a reply, with a look around before them."""
    head, action, rest = text.partition("Action:\n")
    try:
        call = json.loads(rest)
        call["arguments"]["command"] = LOOK + call["arguments"]["command"]
    except (ValueError, KeyError, TypeError):
        return text
    return head + action + json.dumps(call)


def _pipeline(search: Search, kind: SandboxKind, url: str) -> None:
    """All stages, with everything that writes: verbose, cassette, reply cache, budget, report."""
    stages = Pipeline(search.folder, TASKS, workers=2)
    stages.lay_out()
    env = {"OPENAI_API_KEY": search.secrets.by_name["key"], "OPENAI_BASE_URL": url}
    kept = search.folder
    for number, stage in enumerate(stages.stages[:8]):
        argv = [*stage.argv]
        if "--model" in argv:
            argv += ["--record", str(kept / f"cassette-{number}.jsonl")]
            argv += ["--reply_cache", str(kept / "replies"), "--budget", str(kept / "budget.jsonl")]
            argv += ["--verbose"]
        if argv[0] in ("run", "analyze"):
            argv += ["--sandbox", kind]
        search.run(stage.name, stage.module, *argv, **env)
    logs = [path.read_text("utf-8") for path in (kept / "logs").glob("*.md")]
    if not any(LOOKED in log for log in logs):
        search.wrong.append("rollouts: the agent's commands did not look around")
    page = ["report", kept / "outputs", "--output", kept / "report.html"]
    search.run("report", "trace2skill", *page, **env)


def _each_client(search: Search, answers: Answers, kind: SandboxKind, url: str) -> None:
    """Every client and every way to give a key: answered, and refused by a server that tells it."""
    key, data = search.secrets.by_name["key"], MINI
    base = ["run", "--data_path", data, "--instance_ids", TASKS[0], "--model", "m", "--verbose"]
    base += ["--sandbox", kind, "--agent", "cli_only", "--record", search.folder / "each.jsonl"]
    config = search.folder / "api.json"
    gateway = {"url": url, "model": "m", "access_key": search.secrets.by_name["access"]}
    config.write_text(json.dumps(gateway))
    search.own.add(config)
    ways: dict[str, tuple[list[object], Mapping[str, str]]] = {
        "key by variable": ([], {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": url}),
        "key by flag": (["--api_key", key, "--base_url", url], {}),
        "api_chat": (["--llm_client", "api_chat", "--api_chat_config", config], {}),
    }
    for status in (0, 401, 400):
        answers.always = status
        for way, (flags, env) in ways.items():
            folder = search.folder / f"{way}-{status or 'answered'}".replace(" ", "-")
            argv = [*base, *flags, "--output_dir", folder, "--working_dir", folder / "work"]
            name = f"{way}, {status or 'answered'}"
            search.run(name, "trace2skill", *argv, codes=(1, 2) if status else (0, 1), **env)
    env = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": url}
    search.run("doctor", "trace2skill", "doctor", codes=(0, 1, 2), **env)
    recipe = (data / "reproduce.toml").read_text().partition("[model]")[0]
    recipe = recipe.replace("outputs/mini_reproduction", str(search.folder / "reproduced"))
    recipe += f'[model]\nname = "m"\nbase_url = "{url}"\n[split]\ntrain = [0, 1]\ntest = [1, 2]\n'
    file = search.folder / "recipe.toml"
    file.write_text(recipe)
    search.own.add(file)
    argv = ["reproduce", file, "--yes"]
    search.run("reproduce", "trace2skill", *argv, codes=(0, 1, 2), **env)


def searched(
    folder: Path, seed: int, kind: SandboxKind, *, before: str = "", only: str = ""
) -> Search:
    """Raises ContractError where there is no such sandbox."""
    open_sandbox(kind)
    search = Search(folder, Secrets(seed), before, only)
    answers = Answers()
    with EchoServer(scripted, told=answers) as server:
        url = f"{server.url}?key={quote(search.secrets.by_name['query'], safe='')}"
        if not only:
            _pipeline(search, kind, url)
        _each_client(search, answers, kind, url)
    search.look_through()
    return search


def measure(trial: Trial) -> Row:
    what = "places where a secret turns up"
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            search = searched(Path(folder), trial.seed, "bwrap")
            return Row(what, search.commands + search.files, search.wrong)
    except ContractError as error:
        return Row(what, 0, skipped=str(error))
