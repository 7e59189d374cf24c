"""Runs of a tiny benchmark of text answers (tinyqa) by any program."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

from react_agent.runs import triage
from react_agent.runs.places import Session
from react_agent.runs.settings import AgentSettings, Rollouts, Triage
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import Scoring

DOMAIN = "tinyqa:open_domain"


ANSWERS = {"sum": ("What is 2 + 3?", "5"), "sky": ("Which colour?", "Blue"), "left": ("?", "x")}


PROGRAM = """
import os, pathlib, sys
task = pathlib.Path(os.environ["TASK_FILE"]).read_text()
assert sys.argv[1] == os.environ["TASK_FILE"], sys.argv
said = {"What is 2 + 3?": "5", "Which colour?": "red"}
for question, answer in said.items():
    if f"Question: {question}" in task:
        pathlib.Path(os.environ["CASE_DIR"], "answer.txt").write_text(answer + "\\n")
print("I have read", len(task), "characters")
"""


def data(folder: Path) -> Path:
    lines = [{"id": i, "question": q, "answer": a} for i, (q, a) in ANSWERS.items()]
    (folder / "data").mkdir(exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "data/questions.jsonl").write_text(text)
    return folder / "data"


def settings(folder: Path, agent: AgentSettings, **more: Any) -> Rollouts:
    return Rollouts(
        data_path=data(folder),
        domain=DOMAIN,
        output_dir=folder / "run/outputs",
        log_dir=folder / "run/logs",
        working_dir=folder / "run/work",
        agent=agent,
        **more,
    )


def program(folder: Path, sandbox: Literal["auto", "none"] = "auto", **more: Any) -> Rollouts:
    (folder / "agent.py").write_text(PROGRAM)
    command = f"python {folder / 'agent.py'} {{task}}"
    agent = AgentSettings(harness="command", agent="cli_only", command=command, sandbox=sandbox)
    return settings(folder, agent, **more)


def verdicts_and_triage(folder: Path) -> dict[str, str]:
    scoring = Scoring(data_path=folder / "data", domain=DOMAIN, output_dir=folder / "run/outputs")
    scored = asyncio.run(stage.run(scoring))
    rows = triage.run(Triage(eval_results=scored.results_file, log_dir=folder / "run/logs"))
    assert scored.evaluations[folder / "run/outputs"].summary.total_instances == len(ANSWERS)
    return {row.id: row.outcome for row in rows}


def results(done: Session) -> dict[str, Any]:
    return {one.id: one for run in done.runs for one in run.folder.results.values()}
