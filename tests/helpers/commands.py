"""The published commands as a user starts them, on the bundled tasks and the stub server."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from project import MINI, ROOT
from stub_server import Handler, StubServer, reply

TASKS = 6
DONE = "ACTION: TASK_COMPLETE"


def bash(command: str) -> str:
    call = {"name": "bash", "arguments": {"command": command}}
    return f"Thought: go on\nAction:\n{json.dumps(call)}"


def copying_agent(body: dict[str, Any]) -> Any:
    """Saves the input as the output, then says it is done."""
    asked = sum(m["role"] == "assistant" for m in body["messages"])
    return reply(bash("cp input.xlsx output.xlsx") if asked == 0 else DONE)


def task_of(body: dict[str, Any]) -> str:
    """The id of the task that an agent was given; nothing else that it sees says it."""
    told = body["messages"][1]["content"]
    tasks = json.loads((MINI / "dataset.json").read_text("utf-8"))
    return str(next(task["id"] for task in tasks if task["instruction"] in told))


class Commands:
    """The three scripts on the first tasks, with everything under one folder."""

    def __init__(self, server: StubServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.outputs, self.logs = folder / "outputs", folder / "logs"

    async def start(self, script: str, *flags: str) -> asyncio.subprocess.Process:
        environment = os.environ | {"OPENAI_API_KEY": "EMPTY", "OPENAI_BASE_URL": self.server.url}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, script, *flags),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def run(self, script: str, *flags: str) -> tuple[int | None, str]:
        process = await self.start(script, *flags)
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    def rollout_flags(self, *more: str) -> list[str]:
        return [
            *("--data_path", str(MINI), "--model", "m", "--agent", "cli_skill_preloaded"),
            *("--log_dir", str(self.logs), "--log_format", "markdown", "--max_turns", "100"),
            *("--working_dir", str(self.folder / "work"), "--output_dir", str(self.outputs)),
            *("--skills_dir", "spreadsheet_agent/skills", "--seeds", "41", "--workers", "4"),
            *("--start_idx", "0", "--end_idx", str(TASKS), *more),
        ]

    async def rollouts(self, *more: str) -> tuple[int | None, str]:
        return await self.run("run_spreadsheetbench.py", *self.rollout_flags(*more))

    def lines(self) -> list[dict[str, Any]]:
        text = (self.outputs / "results.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


def with_server(handler: Handler, folder: Path, steps: Callable[[Commands], Any]) -> None:
    async def session() -> None:
        async with StubServer(handler) as server:
            await steps(Commands(server, folder))

    asyncio.run(session())
