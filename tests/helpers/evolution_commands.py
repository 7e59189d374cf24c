"""The published evolution command on a small skill, and a server that plays its author."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolving import Author, role_of
from stub_server import StubServer, reply

from react_agent.model import Message

SCRIPT = [sys.executable, "-m", "skill_evolver.run_parallel_skill_evolution"]


def environment(url: str) -> dict[str, str]:
    return {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "EMPTY", "PYTHONPATH": "src"}


def command(skill: Path, records: Path) -> list[str]:
    out = skill.parent.parent
    return [
        *SCRIPT, "--input-json", str(records), "--skill-dir", str(skill), "--model", "m",
        "--verbose", "--batch-size", "1", "--changelog", str(out / "change.log"),
        "--save-intermediates", "--intermediates-dir", str(out / "inter"), "--max-workers", "4",
        "--prompt", "generic", "--parse-failure-dir", str(out / "failures"),
        "--patch-pipeline", "json", "--merge-batch-size", "3", "--seed", "41",
    ]  # fmt: skip


def author_server(seen: list[str], on_call: Callable[[str, int], None]) -> StubServer:
    author = Author()

    async def handler(body: dict[str, Any]) -> Any:
        messages = [Message(**m) for m in body["messages"]]
        role = role_of(messages[0].content)
        on_call(role, len(seen))
        await asyncio.sleep(0.01)
        answer = reply((await author.reply(messages)).text)
        seen.append("".join(m.content for m in messages))
        return answer

    return StubServer(handler)
