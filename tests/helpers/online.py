"""A user's home with a client, a skill and sessions; a server that draws lessons and evolves."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolving import SKILL, TOPICS, Author
from sessionfiles import work_day
from stub_server import reply

from react_agent.files import read_json
from react_agent.model import Message
from trace2skill.cli import main
from trace2skill.online.client_settings import ClientSettings
from trace2skill.online.home import Home, find_home

KEY = "sk-of-this-user-alone"
OTHERS = {"type": "command", "command": "echo bye"}


class Person:
    """With a private HOME, which has to be in the environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = home / ".claude" / "settings.json"
        self.skill = home / ".claude" / "skills" / "sheets"
        self.skill.mkdir(parents=True)
        text = SKILL.replace("name: xlsx", "name: sheets")
        (self.skill / "SKILL.md").write_text(text)
        hooks = {"SessionEnd": [{"hooks": [OTHERS]}], "Stop": [{"hooks": [OTHERS]}]}
        self.settings.write_text(json.dumps({"model": "x", "hooks": hooks}))

    def flags(self, url: str) -> list[str]:
        skill, key = ["--skill", str(self.skill)], ["--api_key", KEY]
        return [*skill, "--model", "m", "--base_url", url, *key, "--yes"]

    def online(self) -> Home:
        return find_home(None)

    def command(self) -> str:
        found = ClientSettings.read(self.settings).command(self.online().folder)
        assert found
        return found

    def session(self, number: int) -> dict[str, str]:
        """Write one as the client does; what it tells its hooks of it."""
        name = f"11111111-aaaa-4bbb-8ccc-{number:012d}"
        day = work_day(name)
        day.rows[0]["message"]["content"] = f"Fix the totals in report {number}"
        file = day.write(self.home / ".claude")
        return {"session_id": name, "transcript_path": str(file), "hook_event_name": "SessionEnd"}

    def ends(self, told: Any, command: str = "") -> subprocess.Popen[bytes]:
        """The hook, as the client runs it."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", command or self.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin
        with contextlib.suppress(BrokenPipeError):  # one that has ended already hears nothing
            process.stdin.write(told if isinstance(told, bytes) else json.dumps(told).encode())
            process.stdin.close()
        process.stdin = None
        return process


async def cli(*arguments: str) -> int:
    """A command that calls no model."""
    return await asyncio.to_thread(main, list(arguments))


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trace2skill", *arguments),
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it looks at files of another process
            await asyncio.sleep(0.05)


def handler(seen: list[str]) -> Callable[[dict[str, Any]], Any]:
    """Analysts report a topic, the author evolves."""
    author = Author()

    async def answer(body: dict[str, Any]) -> Any:
        messages = [Message(**m) for m in body["messages"]]
        system, user = messages[0].text, messages[1].text
        seen.append(f"{system}\n{user}")
        if "# Failure Memory Item" in system:
            return reply(report("Failure", TOPICS[1]))
        if "# Success Memory Item" in system:
            return reply(report("Success", TOPICS[2]))
        return reply((await author.reply(messages)).text)

    return answer


def report(kind: str, topic: str) -> str:
    parts = f"## Title\n{topic}\n\n## Description\nWhen cells are written.\n\n## Content\n{topic}\n"
    causes = f"# Failure Cause Item 1\n\n{parts}\n" if kind == "Failure" else ""
    head = "" if causes else "# Lean Solution Path\nIt looked, then wrote.\n\n"
    return f"{head}{causes}# {kind} Memory Item 1\n\n{parts}"


def round_file(home: Home, number: int) -> dict[str, Any]:
    value: dict[str, Any] = read_json(home.rounds / f"{number:04d}" / "round.json")
    return value
