"""Row `ids`: odd task ids and paths that lead astray, from rollouts to lessons.

A sound record with an odd id needs its result, verdict, tagged log and report; a record that cannot
be laid out costs itself; and nothing beside the run's own folders changes.
"""

import json
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring.folders import MINI, SKILLS
from trial.program import Program
from trial.row import Row, Trial
from trial.server import FaultServer
from trial.stages import MODEL, TASKS, scripted

from react_agent.layout import ANALYSIS_SUMMARY, RESULTS, VERDICTS
from react_agent.runs.logs import find_logs

IDS = (
    *(".", "..", "7", "7_FAILED", "7_SUCCEED", "7_prompt", "7_seed_3", "7.done", "a", "a@b", "a/b"),
    *("../../lost", "/etc/passwd", ".work", "run.json", "results.jsonl", "logs", "seed_3", "chat"),
    *("x" * 250, "x" * 249 + "y", "é" * 200, "%2E", "50%", "-rf", " ", "a b", "a\\b", "~", "*"),
)
FEWER = (*IDS[:5], "a@b", "../../lost", ".work", "run.json", "x" * 250, "x" * 249 + "y")
PATHS = {
    "outside": "../outside",
    "root": "/",
    "whole": ".",
    "all": "spreadsheet",
    "none": "spreadsheet/nowhere",
    "long": "y" * 300,
    "own": "results.jsonl",
    "twice": "spreadsheet/0",
}
"""Records that must not be laid out, by id."""


def measure(trial: Trial, *, ids: tuple[str, ...] = (), before: str = "") -> Row:
    good = ids or (FEWER if trial.reduced else IDS)
    with TemporaryDirectory() as name:
        folder = Path(name) / "all"
        data = _data_set(folder, good)
        beside = _beside(folder)
        wrong = _pipeline(folder, data, good, before)
        wrong += [f"beside the run: {path}" for path in beside ^ _beside(folder)]
    return Row("odd ids and paths: lost, mixed up, astray", len(good) + len(PATHS), wrong)


def _data_set(folder: Path, ids: tuple[str, ...]) -> Path:
    data = folder / "data"
    originals = {str(o["id"]): o for o in json.loads((MINI / "dataset.json").read_text("utf-8"))}
    records = []
    for number, task_id in enumerate(ids):
        task = originals[TASKS[number % len(TASKS)]]
        path = f"spreadsheet/{number}"
        shutil.copytree(MINI / task["spreadsheet_path"], data / path)
        records.append({**task, "id": task_id, "spreadsheet_path": path})
    for place in (folder / "outside", data / "results.jsonl"):
        shutil.copytree(data / "spreadsheet/0", place)
    bad = [{**records[0], "id": i, "spreadsheet_path": path} for i, path in PATHS.items()]
    (data / "dataset.json").write_text(json.dumps([*records, *bad]), encoding="utf-8")
    return data


def _beside(folder: Path) -> set[str]:
    """All files but those of the run."""
    own = (folder / "run", folder.with_name(f"{folder.name}-tmp"))
    return {str(p) for p in folder.parent.rglob("*") if not any(map(p.is_relative_to, own))}


def _pipeline(folder: Path, data: Path, good: tuple[str, ...], before: str) -> list[str]:
    run = folder / "run"
    outputs, logs = run / "outputs", run / "logs"
    source, model = ["--data_path", data], ["--model", MODEL, "--workers", "4"]
    model += ["--min_free_disk", "0"]
    rollouts = [*source, "--output_dir", outputs, "--log_dir", logs, "--working_dir", run / "work"]
    rollouts += ["--skills_dir", SKILLS, "--skill", "xlsx-basic", "--seeds", "41"]
    stages = {
        "run": [*rollouts, *model],
        "evaluate": [*source, "--output_dir", outputs],
        "triage": ["--eval_results", outputs / VERDICTS, "--log_dir", logs],
        "analyze": [run, *source, *model],
    }
    with FaultServer(scripted) as server:
        program = Program(folder, server.url, before)
        for stage, flags in stages.items():
            ended = program.run("trace2skill", stage, *flags)
            missing = stage == "triage" and ended.code == 1  # the bad records have no log
            if ended.trouble or (ended.code and not missing):
                return [f"{stage}: {ended.trouble or ended}"]
    return [*_results(outputs, good), *_logs(logs, good), *_lessons(run, good)]


def _results(outputs: Path, good: tuple[str, ...]) -> list[str]:
    found = {one["id"]: one for one in json.loads((outputs / RESULTS).read_text())["results"]}
    scores = {v["id"]: v for v in json.loads((outputs / VERDICTS).read_text())["results"]}
    wrong = [f"{i!r:.20}: {found[i]['error']}" for i in good if not found[i]["success"]]
    wrong += [f"{i!r:.20}: no verdict" for i in good if scores[i].get("error")]
    wrong += [f"path {PATHS[i]!r:.20}: no error" for i in PATHS if not found[i]["error"]]
    return wrong + [f"path {PATHS[i]!r:.20}: was run" for i in PATHS if found[i]["test_cases"]]


def _logs(logs: Path, good: tuple[str, ...]) -> list[str]:
    found = Counter(name.task_id for name, _ in find_logs(logs) if name.tag)
    return [f"{i!r:.20}: {found[i]} logs with a verdict" for i in good if found[i] != 1]


def _lessons(run: Path, good: tuple[str, ...]) -> list[str]:
    analysed: Counter[str] = Counter()
    wrong = []
    for kind, pattern in (("error", "*/analysis.json"), ("success", "success_analysis_*.json")):
        folder = run / f"{kind}_analysis"
        summary = json.loads((folder / ANALYSIS_SUMMARY).read_text())
        wrong += [f"{kind} analysis: {one}" for one in summary["owed"]]
        files = folder.glob(pattern)
        analysed.update(json.loads(file.read_text("utf-8"))["task_id"] for file in files)
    return wrong + [f"{i!r:.20}: {analysed[i]} reports" for i in good if analysed[i] != 1]
