"""What several benchmarks run: many copies of the bundled tasks, against the scripted server."""

import contextlib
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import measured, server
from measuring.folders import MINI, SKILLS, started
from measuring.server import SCRIPTS

from react_agent.model import Message
from react_agent.runs.logs import Log, LogName, render_markdown
from spreadsheetbench.tasks.dataset import Dataset

CALLS_PER_CASE = {"rollouts": 3, "analysts": 4}
"""As the scripts of server.py have it."""
LATE = (
    "react_agent.models.providers.openai_compatible,openai.resources.chat,"
    "react_agent.harnesses.react,spreadsheet_agent.domain,openpyxl"
)
"""What both commands import when they need it: start-up, and no turn's."""


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
def served(latency: float, script: str = "rollouts") -> Iterator[str]:
    """The address of a server that runs while the block lasts."""
    command = started(server.__file__, "--latency", latency, "--script", script)
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


def _common(data: Path, url: str, workers: int) -> list[object]:
    argv: list[object] = ["--data_path", data, "--model", "scripted", "--workers", workers]
    return [*argv, "--base_url", f"{url}/v1", "--api_key", "EMPTY"]


def rollouts(data: Path, run: Path, url: str, workers: int, *flags: str) -> measured.Used:
    """The real command with the run's folders below `run`."""
    argv = [*_common(data, url, workers), "--output_dir", run / "outputs"]
    argv += ["--log_dir", run / "logs", "--working_dir", run / "work"]
    argv += ["--skills_dir", SKILLS, *flags]
    return measured.run(f"spreadsheet_agent.rollouts,react_agent.runs.session,{LATE}", argv)


def failed_runs(data: Path, run: Path) -> None:
    """What a rollout of every task leaves that saved its input as it was."""
    dataset = Dataset.load(data)
    said = [
        Message(role="system", content="You are a spreadsheet agent."),
        Message(role="user", content="Solve the task."),
        Message(role="assistant", content=SCRIPTS["rollouts"][1]),
        Message(role="user", content="Observation:\n(no output)"),
        Message(role="assistant", content=SCRIPTS["rollouts"][2]),
    ]
    for case in (c for task in dataset.tasks for c in dataset.cases(task)):
        folder = run / "work" / f"{case.task_id}_{case.name}"
        folder.mkdir(parents=True)
        for name in ("input.xlsx", "output.xlsx"):
            shutil.copyfile(case.input_path, folder / name)
        result = {"input_file": case.input_path.name, "success": True, "status": "completed"}
        log = Log(tuple(said), {**result, "turns": 2, "error": ""}, f"run of {case.task_id}")
        name = LogName("cli_only_agent", case.task_id, tag="FAILED")
        (run / "logs").mkdir(exist_ok=True)
        (run / "logs" / f"{name.stem}.md").write_text(render_markdown(log), encoding="utf-8")


def analysts(data: Path, run: Path, url: str, workers: int, *flags: str) -> measured.Used:
    """The agentic error analysis, of runs that all failed; their folders below `run`."""
    failed_runs(data, run)
    argv = [*_common(data, url, workers), "--output_dir", run / "analysis", *flags]
    argv += ["--logs_dir", run / "logs", "--work_dir", run / "work"]
    return measured.run(f"analysis.run_error_analysis,analysis.analysts.agentic,{LATE}", argv)


STAGES = {"rollouts": rollouts, "analysts": analysts}
