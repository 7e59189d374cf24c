"""What several benchmarks run: many copies of the bundled tasks, against the scripted server."""

import contextlib
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measured

ROOT = Path(__file__).resolve().parent.parent
MINI = ROOT / "data" / "mini"
CALLS_PER_CASE = 3
"""As the script of server.py has it."""


def copies(folder: Path, count: int) -> Path:
    """A data set of `count` tasks: the bundled ones over and over, each under its own id."""
    originals = json.loads((MINI / "dataset.json").read_text("utf-8"))
    tasks = []
    for number in range(count):
        task = originals[number % len(originals)]
        name = f"{90_000 + number}"
        target = folder / "spreadsheet" / name
        target.mkdir(parents=True)
        for book in (MINI / task["spreadsheet_path"]).glob("*.xlsx"):
            shutil.copyfile(book, target / book.name.replace(str(task["id"]), name))
        tasks.append({**task, "id": name, "spreadsheet_path": f"spreadsheet/{name}"})
    (folder / "dataset.json").write_text(json.dumps(tasks), encoding="utf-8")
    return folder


@contextlib.contextmanager
def served(latency: float) -> Iterator[str]:
    """The address of a server that runs while the block lasts."""
    command = [sys.executable, str(ROOT / "benchmarks" / "server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/stats") as response:
        found: dict[str, Any] = json.load(response)
    return found


def rollouts(data: Path, run: Path, url: str, workers: int, *flags: str) -> measured.Used:
    """The real command with the run's folders below `run`."""
    argv = ["--data_path", data, "--model", "scripted", "--workers", workers]
    argv += ["--base_url", f"{url}/v1", "--api_key", "EMPTY", "--output_dir", run / "outputs"]
    argv += ["--log_dir", run / "logs", "--working_dir", run / "work"]
    argv += ["--skills_dir", ROOT / "spreadsheet_agent" / "skills", *flags]
    return measured.run("spreadsheet_agent.rollouts,spreadsheet_agent.session", argv)
