"""A small run to analyse: real workbooks, real logs, and scripted analysts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from analysis.analysts.error_analyst import ErrorAnalyst
from analysis.gate.check import GateMode
from react_agent.engines.workers import Workers
from react_agent.model import Message, Model
from react_agent.runs.logs import Log, LogName, Tag, write_log
from react_agent.sandbox.door import Sandbox
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheetbench.tasks.dataset import Dataset

AMOUNTS = [1250.5, 873.25, 4410.75, 96.4, 12345.6, 777.7]
FACTOR = 1.19

REPORT = """# Failure Cause Item 1

## Title
Left the gross column empty

## Description
The agent saved its copy before any value was written.

## Content
It printed the sheet, saw the net column and stopped there.

# Failure Memory Item 1

## Title
Read the saved file back

## Description
Whenever a column has to be filled.

## Content
Open the saved workbook again and check that no cell of the column is blank.
"""

DONE = f"{REPORT}\nACTION: TASK_COMPLETE"


def act(name: str, **arguments: str) -> str:
    return f"Thought: next\nAction:\n{json.dumps({'name': name, 'arguments': arguments})}"


def bash(command: str) -> str:
    return act("bash", command=command)


def python(body: str) -> str:
    return bash(f"python - <<'EOF'\n{body}\nEOF")


REPAIR = python(
    "import openpyxl\n"
    "wb = openpyxl.load_workbook('agent_work/output.xlsx')\n"
    "for row in wb['Prices'].iter_rows(min_row=2):\n"
    "    row[2].value = round(row[1].value * 1.19, 2)\n"
    "wb.save('agent_work/output_fixed.xlsx')"
)
"""Of the fault that every failed task of the small run has."""


def book(path: Path, *, solved: bool) -> None:
    """Net amounts, and their gross where it is solved."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "Prices"
    # Two files that openpyxl saves in one second are equal in every byte; these two never are.
    workbook.properties.creator = "a person" if solved else "another"
    sheet.append(["Item", "Net", "Gross"])
    for number, amount in enumerate(AMOUNTS, start=1):
        gross = round(amount * FACTOR, 2) if solved else None
        sheet.append([f"Article {number}", amount, gross])
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)


class SmallRun:
    """`root` gets data/, work/ and logs/; all tasks are the same workbook."""

    def __init__(self, root: Path, tags: dict[str, Tag | None]) -> None:
        self.root = root
        self.data, self.work, self.logs = root / "data", root / "work", root / "logs"
        records = [
            {
                "id": task,
                "instruction": f"Fill column C of the price list {task} with the gross price, "
                "which is the net price and 19 percent.",
                "spreadsheet_path": f"spreadsheet/{task}",
                "instruction_type": "Cell-Level Manipulation",
                "answer_position": "Prices!C2:C7",
            }
            for task in tags
        ]
        self.data.mkdir(parents=True)
        (self.data / "dataset.json").write_text(json.dumps(records))
        for task, tag in tags.items():
            folder = self.data / "spreadsheet" / task
            book(folder / f"1_{task}_init.xlsx", solved=False)
            book(folder / f"1_{task}_golden.xlsx", solved=True)
            self.add_run(task, tag)

    def add_run(self, task: str, tag: Tag | None, status: str = "completed") -> None:
        folder = self.work / f"{task}_1_{task}_init"
        book(folder / "input.xlsx", solved=False)
        book(folder / "output.xlsx", solved=tag == "SUCCEED")
        (folder / "look.py").write_text("print('looked')\n")
        said = [
            Message(role="system", content="You are a spreadsheet agent."),
            Message(role="user", content=f"instruction:\nprice list {task}\noutput_path: x"),
            Message(role="assistant", content="Thought: done\nACTION: TASK_COMPLETE"),
        ]
        result: dict[str, Any] = {
            "input_file": f"1_{task}_init.xlsx",
            "success": True,
            "status": status,
            "turns": 1,
            "error": "",
        }
        name = LogName("cli_only_agent", task, tag=tag)
        write_log(self.logs, name, Log(tuple(said), result, f"run of {task}"), "markdown")

    def domain(self, workers: Workers) -> SpreadsheetDomain:
        return SpreadsheetDomain(Dataset.load(self.data), workers=workers)

    def analyst(
        self,
        model: Model,
        sandbox: Sandbox,
        workers: Workers,
        mode: GateMode = "output",
        max_turns: int = 8,
    ) -> ErrorAnalyst:
        return ErrorAnalyst(
            model=model,
            model_name="scripted",
            output_dir=self.root / "analysis",
            work_dir=self.work,
            domain=self.domain(workers),
            sandbox=sandbox,
            mode=mode,
            max_turns=max_turns,
            hide=(self.data, self.logs, self.work),
        )


def said_last(messages: Sequence[Message]) -> str:
    return messages[-1].content
