"""One reproduction of a few bundled tasks: its file, its folder, and the server that answers it."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from project import ROOT
from stub_server import StubServer, reply

CONFIG = """
data_path = "{root}/data/mini"
skills_dir = "{root}/spreadsheet_agent/skills"
output = "{output}"
start = "xlsx-basic"
baselines = []
lessons = "combined"
seeds = [41]
workers = 2
max_turns = 20
sandbox = "none"
[model]
name = "scripted-demo-model"
base_url = "{url}"
[split]
train = [0, 2]
test = [12, 13]
[budget]
prices = "1,2"
"""


class Study:
    """One reproduction's file and folder, and the server that answers it."""

    def __init__(self, folder: Path, server: StubServer, **changes: str) -> None:
        self.folder, self.output, self.server = folder, folder / "out", server
        self.config = folder / "reproduce.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.write(**changes)

    def write(self, **changes: str) -> None:
        text = CONFIG.format(root=ROOT, output=self.output, url=self.server.url)
        for old, new in changes.items():
            text = "\n".join(
                new if line.split(" ")[0] == old else line for line in text.splitlines()
            )
        self.config.write_text(text + "\n" + changes.get("more", ""))

    async def start(self, *flags: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "trace2skill", "reproduce", str(self.config), "--yes", *flags),
            cwd=ROOT,
            env=os.environ | {"OPENAI_API_KEY": "EMPTY"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def run(self, *flags: str) -> tuple[int | None, str]:
        process = await self.start(*flags)
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def killed_after(self, calls: int) -> None:
        """SIGKILL once the server has been asked so many more times."""
        limit = len(self.server.bodies) + calls
        process = await self.start()
        end = time.monotonic() + 60
        while len(self.server.bodies) < limit and process.returncode is None:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()

    def leaves(self) -> dict[str, str]:
        """What is compared: the skill, the verdicts, the standings, the records of lessons."""
        found = {}
        for pattern in (
            "*/*/skills/**/*.md", "*_parsed.json", "baseline_run/*_parsed.json",
            "**/eval_official_results.json", "reproduction.json", "comparison.json",
        ):  # fmt: skip
            for path in sorted(self.output.glob(pattern)):
                text = path.read_text().replace(str(self.output), "OUT")
                name = str(path.relative_to(self.output))
                found[name] = self._without_spending(text) if name == "reproduction.json" else text
        return found

    @staticmethod
    def _without_spending(text: str) -> str:
        """A killed start has spent the calls that were in flight once more."""
        value = json.loads(text)
        del value["spent"]
        return json.dumps(value)


def study(
    folder: Path, handler: Any, steps: Callable[[Study], Any], **changes: str
) -> list[dict[str, Any]]:
    """All bodies that the server was sent."""

    async def session() -> list[dict[str, Any]]:
        async with StubServer(handler, models=["scripted-demo-model"]) as server:
            await steps(Study(folder, server, **changes))
            return server.bodies

    return asyncio.run(session())


def answering(author: Callable[..., Any], seconds: float = 0.0) -> Any:
    async def handler(body: dict[str, Any]) -> Any:
        text = author(body["messages"])
        await asyncio.sleep(seconds)
        return reply(text)

    return handler
