"""A whole run as the paper's released code leaves it, with its own words for everything."""

import json
from pathlib import Path
from typing import Any, Literal

from lessons import REPORT, book

Ended = Literal["solved", "wrong", "no output", "exception"]
AGENT = "cli_skill_preloaded_agent"
ERRORS: dict[Ended, str] = {
    "solved": "",
    "wrong": "",
    "no output": "Max turns exceeded",
    "exception": "Exception during execution: Connection error.",
}
SUCCESS = """# Success Memory Item 1

## Title
Read the workbook first

## Description
Before any value is written.

## Content
Print names and sizes of all sheets.
"""


class ReleasedRun:
    """`root` gets data/, work/, outputs/ and logs/; all tasks are the same price list."""

    def __init__(
        self, root: Path, tasks: dict[str, Ended], log_format: Literal["md", "jsonl"] = "md"
    ) -> None:
        self.root, self.tasks, self.suffix = root, tasks, log_format
        self.data, self.work = root / "data", root / "work"
        self.outputs, self.logs = root / "outputs", root / "logs"
        self.verdicts = self.outputs / "eval_official_results.json"
        for task in tasks:
            self._data_of(task)
            self._run_of(task)
        self._dump(self.data / "dataset.json", [self._record(task) for task in tasks])
        self._dump(self.outputs / "results.json", self._results())

    def _record(self, task: str) -> dict[str, Any]:
        return {
            "id": task,
            "instruction": f"Fill column C of the price list {task} with the gross price, which "
            "is the net price and 19 percent.",
            "spreadsheet_path": f"spreadsheet/{task}",
            "instruction_type": "Cell-Level Manipulation",
            "answer_position": "Prices!C2:C7",
        }

    def _data_of(self, task: str) -> None:
        folder = self.data / "spreadsheet" / task
        book(folder / f"1_{task}_init.xlsx", solved=False)
        book(folder / f"1_{task}_golden.xlsx", solved=True)

    def _run_of(self, task: str) -> None:
        ended = self.tasks[task]
        folder = self.work / f"{task}_1_{task}_init"
        book(folder / "input.xlsx", solved=False)
        if ended in ("solved", "wrong"):
            book(folder / "output.xlsx", solved=ended == "solved")
            book(self.outputs / task / f"1_{task}_output.xlsx", solved=ended == "solved")
        messages = [
            ("system", "You are a spreadsheet agent."),
            ("user", f"Task: Fill the price list {task}."),
            ("assistant", 'Thought: look\nAction:\n{"name": "bash", "arguments": {}}'),
            ("user", "Observation:\nPrices\n\n## RESULT\n\n- Success: False\n- Total Turns: 9"),
            ("assistant", "Thought: done\nACTION: TASK_COMPLETE"),
        ]
        text = (
            self._markdown(messages, ended) if self.suffix == "md" else self._lines(messages, ended)
        )
        self.logs.mkdir(parents=True, exist_ok=True)
        self.log(task).write_text(text)

    def log(self, task: str, tag: str = "") -> Path:
        return self.logs / f"{AGENT}_{task}{f'_{tag}' if tag else ''}.{self.suffix}"

    def _markdown(self, messages: list[tuple[str, str]], ended: Ended) -> str:
        parts = [f"# Chat History: {AGENT}\n\n**Timestamp**: 2026-05-02T10:00:00.123456\n\n---\n\n"]
        for number, (role, content) in enumerate(messages, start=1):
            if content.startswith("Observation:\n"):
                content = "Observation:\n```\n" + content.removeprefix("Observation:\n") + "\n```"
            parts.append(f"## [{number}] {role.upper()}\n\n{content}\n\n---\n\n")
        error = f"- Error: {ERRORS[ended]}\n" if ERRORS[ended] else ""
        parts.append(f"## RESULT\n\n- Success: {ended in ('solved', 'wrong')}\n- Total Turns: 3\n")
        return "".join(parts) + error

    def _lines(self, messages: list[tuple[str, str]], ended: Ended) -> str:
        lines: list[dict[str, Any]] = [{"type": "session_start", "agent_name": AGENT}]
        for number, (role, content) in enumerate(messages, start=1):
            content = content.replace("Observation:\n", "Observation: ", 1)
            lines.append({"type": "message", "index": number, "role": role, "content": content})
        result = {"type": "result", "success": ended in ("solved", "wrong"), "total_turns": 3}
        lines.append(result | ({"error": ERRORS[ended]} if ERRORS[ended] else {}))
        return "".join(json.dumps(line) + "\n" for line in lines)

    def _results(self) -> dict[str, Any]:
        return {
            "agent_name": AGENT,
            "model": "m",
            "seed": None,
            "total_instances": len(self.tasks),
            "results": [
                {
                    "id": task,
                    "instruction": "Fill the price list.",
                    "success": ended in ("solved", "wrong"),
                    "error": ERRORS[ended] or None,
                    "test_cases": [
                        {
                            "input_file": f"1_{task}_init.xlsx",
                            "output_file": f"1_{task}_output.xlsx",
                            "success": ended in ("solved", "wrong"),
                            "agent_answer": "done",
                            "turns": 3,
                            "error": ERRORS[ended] or None,
                        }
                    ],
                }
                for task, ended in self.tasks.items()
            ],
        }

    def evaluate(self) -> None:
        """The verdict file of the released scorer: names, no errors among the fields."""
        solved = [ended == "solved" for ended in self.tasks.values()]
        share = sum(solved) / len(solved)
        scores = {"count": len(solved), "avg_soft_score": share, "avg_hard_score": share}
        summary = {
            "total_instances": len(solved),
            "fully_correct_instances": sum(solved),
            "instance_accuracy": share,
            "total_test_cases": len(solved),
            "passed_test_cases": sum(solved),
            "test_case_accuracy": share,
            "avg_soft_score": share,
            "avg_hard_score": share,
            "by_instruction_type": {"Cell-Level Manipulation": scores},
        }
        results = [
            {
                "id": task,
                "instruction_type": "Cell-Level Manipulation",
                "success": good,
                "test_cases": [
                    {
                        "gt_file": f"1_{task}_golden.xlsx",
                        "output_file": f"1_{task}_output.xlsx",
                        "passed": good,
                        "message": "" if good else "Value difference at cell C2",
                    }
                ],
                "passed_count": int(good),
                "total_count": 1,
                "soft_score": float(good),
                "hard_score": int(good),
            }
            for task, good in zip(self.tasks, solved, strict=True)
        ]
        self._dump(self.verdicts, {"summary": summary, "results": results})

    def triage(self) -> None:
        for task, ended in self.tasks.items():
            tag = "SUCCEED" if ended == "solved" else "FAILED"
            self.log(task).rename(self.log(task, tag))

    def analyse(self, *, failing_call: tuple[str, ...] = ()) -> None:
        """Reports of both analysts, and the success parser's records with every one doubled."""
        success = self.root / "success_analysis"
        success.mkdir()
        records = []
        for task in (t for t, ended in self.tasks.items() if ended == "solved"):
            for name in (task, f"{task}_prompt"):
                file = success / f"success_analysis_{name}.md"
                file.write_text(SUCCESS)
                records.append(self._parsed(name, file.name, "success_memory"))
        self._dump(success / "parsed_success_records.json", records)
        records = []
        for task in (t for t, ended in self.tasks.items() if ended not in ("solved",)):
            folder = self.root / "error_analysis" / task
            folder.mkdir(parents=True)
            if task in failing_call:
                (folder / "analysis_report.md").write_text("Error: Connection error.")
                continue
            (folder / "analysis_report.md").write_text(REPORT)
            (folder / "evaluate_passed.flag").write_text("PASS\n")
            records.append(self._parsed(task, "analysis_report.md", "failure_cause"))
        self._dump(self.root / "error_analysis" / "parsed_error_records.json", records)

    def _parsed(self, name: str, file: str, kind: str) -> dict[str, Any]:
        item = {"type": kind, "number": 1, "title": "t", "description": "d", "content": "Case 1: c"}
        if kind == "failure_cause":
            item["relation_to_skill"] = ""
        return {"instance_id": name, "source_file": file, "items": [item]}

    def _dump(self, path: Path, value: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2))

    def everything(self) -> dict[str, bytes]:
        """All files of the run by name, to see that none was lost or changed."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}
