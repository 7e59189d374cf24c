"""The published analysis commands as processes, and a server that plays every analyst."""

import asyncio
import os
import sys

from lessons import DONE, REPAIR, act
from project import ROOT
from stub_server import reply

SUCCESS = "# Success Memory Item 1\n## Title\nLook first\n## Content\nPrint the sheets."


def honest(body):
    """Every analyst there is, told apart by its instructions as a model would."""
    messages = body["messages"]
    if "Success Memory Item" in messages[0]["content"]:
        return reply(SUCCESS)
    if "evaluate_output" not in messages[0]["content"]:
        return reply(DONE)
    steps = sum(m["content"].startswith("Observation:") for m in messages)
    check = act("evaluate_output", output_file="agent_work/output_fixed.xlsx")
    return reply([REPAIR, check, DONE][min(steps, 2)])


def environment(url):
    return {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "EMPTY"}


def command(name, *flags):
    return [sys.executable, str(ROOT / "analysis" / f"{name}.py"), *map(str, flags)]


def errors(small, output, *more):
    folders = ("--data_path", small.data, "--work_dir", small.work, "--logs_dir", small.logs)
    flags = (*folders, "--output_dir", output, "--model", "m", "--workers", 4, *more)
    return command("run_error_analysis", *flags)


async def run(argv, url=""):
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=environment(url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
