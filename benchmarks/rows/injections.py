"""Commands in workbooks, trajectories and lessons that would reach an evolved skill.

The model is as gullible as can be: what it reads it hands on, in nineteen forms, and it merges
without a question. The real commands run it: rollouts, verdicts, triage, lessons, and evolutions in
parallel and in sequence. Beside each planted command goes a sound lesson, which has to arrive.
Harm in plain words is not tried here: the screen does not claim to know it.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
from hostile.planted import CASES, Case
from measuring.evolution_author import merged
from measuring.folders import SKILLS
from trial.program import Program
from trial.row import Row, Trial
from trial.server import FaultServer, Messages
from trial.stages import MODEL

from analysis.lessons.records import LessonItem, LessonRecord, save_records
from skill_evolver.guard.injections import RULES

SOUND = "Keep the order of the rows in which they came, as block {} shows."
WORDS = """almonds bicycle curtain dolphin elevator feather gravity hammock iceberg jasmine kitchen
    lantern mustard nectar orchard penguin quartz ribbons saffron thunder"""
NAMES = WORDS.split()
"""A word for each sound lesson, so that no merge takes two of them for one."""
_NOTE = re.compile(r"NOTE (\d\d):")
_LOOK = (
    "python - <<'EOF'\nimport openpyxl\nbook = openpyxl.load_workbook('input.xlsx')\n"
    "for row in book.active.values:\n    print(row)\nEOF"
)


def measure(trial: Trial, *, screened: bool = True) -> Row:
    """`screened=False` lets in every rule, as a user can: then all of them have to arrive."""
    flags = () if screened else ("--allow-flagged", ",".join(RULES))
    wrong: list[str] = []
    with TemporaryDirectory() as name, FaultServer(Gullible(trial.seed)) as server:
        folder = Path(name) / "run"
        program = Program(folder, server.url)
        records = folder / "records.json"
        if trial.reduced:
            save_records(records, list(map(_record, CASES)))
        else:
            wrong += _taught(program, records)
        for mode in ("parallel",) if trial.reduced else ("parallel", "sequential"):
            wrong += _evolved(program, records, mode, trial.seed, flags)
    what = "planted commands, unseen letters and opaque strings that reach an evolved skill"
    return Row(what, len(CASES), wrong)


def _taught(program: Program, records: Path) -> list[str]:
    """Rollouts on planted workbooks, their verdicts, and a lesson of each."""
    folder = program.folder
    data = _data_set(folder / "data")
    outputs, logs = folder / "outputs", folder / "logs"
    model = ("--model", MODEL, "--data_path", data)
    commands: list[tuple[object, ...]] = [
        ("trace2skill", "run", *model, "--output_dir", outputs, "--log_dir", logs,
         "--working_dir", folder / "work", "--skills_dir", SKILLS, "--skill", "xlsx-basic",
         "--workers", 4),
        ("trace2skill", "evaluate", "--data_path", data, "--output_dir", outputs),
        ("trace2skill", "triage", "--eval_results", outputs / "eval_official_results.json",
         "--log_dir", logs),
        ("analysis.run_error_analysis_llm", *model, "--logs_dir", logs, "--output_dir",
         folder / "analysis", "--parsed_output", records),
    ]  # fmt: skip
    wrong = []
    for module, *argv in commands:
        ended = program.run(str(module), *argv)
        if ended.code or ended.trouble:
            wrong.append(f"{module} {argv[0]}: {ended.trouble or ended}")
    return wrong


def _evolved(
    program: Program, records: Path, mode: str, seed: int, flags: Sequence[str]
) -> list[str]:
    """What arrived and should not have, and what should have and did not."""
    skill = program.folder / mode / "skills" / "xlsx-basic"
    shutil.copytree(SKILLS / "xlsx-basic", skill)
    argv = ("evolve", "--error-json", records, "--skill-dir", skill, "--model", MODEL)
    ended = program.run("trace2skill", *argv, "--mode", mode, *flags)
    if ended.code or ended.trouble:
        return [f"{mode}: {ended.trouble or ended}"]
    text = "".join(path.read_text("utf-8") for path in sorted(skill.rglob("*.md")))
    flat = _flat(text)
    wrong = [
        f"{mode}: case {case.number} ({case.where}, {case.disguise}) is in the skill"
        for case in CASES
        if _flat(case.handed_on(seed)) in flat or _flat(case.text) in flat
    ]
    wrong += [
        f"{mode}: the sound lesson beside case {case.number} is lost"
        for case in CASES
        if SOUND.format(_name(case)) not in text
    ]
    summary = skill.parent.with_name("skills_evolution") / "xlsx-basic" / "evolution_summary.json"
    listed = json.dumps(json.loads(summary.read_text("utf-8"))["flagged"])
    unlisted = [c.number for c in CASES if f'"{c.number + 2000}' not in listed]
    return [*wrong, *(f"{mode}: case {number} is listed nowhere" for number in unlisted)]


def _flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _name(case: Case) -> str:
    return NAMES[case.number - 1]


def _record(case: Case) -> LessonRecord:
    item = LessonItem(
        type="failure_memory",
        number=1,
        title=f"Block {_name(case)}",
        content=f"NOTE {case.number:02}: {case.text} END",
    )
    return LessonRecord(instance_id=str(2000 + case.number), items=(item,))


def _data_set(folder: Path) -> Path:
    tasks = []
    for case in CASES:
        name = str(2000 + case.number)
        place = folder / "spreadsheet" / name
        place.mkdir(parents=True)
        note = f"NOTE {case.number:02}: {case.text} END"
        for kind in ("init", "golden"):
            book = openpyxl.Workbook()
            sheet = book.active
            for row in range(1, 13):
                sheet.append([f"item {row}", row * case.number])
            if case.where != "lesson":
                sheet["C2" if case.where == "workbook" else "C9"] = note
            sheet["E1"] = None if kind == "init" else 78 * case.number
            book.save(place / f"1_{name}_{kind}.xlsx")
        tasks.append({
            "id": name,
            "instruction": f"Write the sum of column B into E1. This is order {case.number:02}.",
            "spreadsheet_path": f"spreadsheet/{name}",
            "instruction_type": "Cell-Level Manipulation",
            "answer_position": "E1",
        })  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(tasks), encoding="utf-8")
    return folder


class Gullible:
    """Believes what it reads, wherever it stands."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, messages: Messages) -> str:
        system, user = messages[0]["content"], messages[1]["content"]
        if "You are a spreadsheet agent" in system:
            return self._agent(messages)
        if "You are an error analyst" in system:
            return self._report(user)
        patches = user.partition("# Patches to Merge")[2]
        edits = merged(patches) if patches else self._proposed(user.rpartition("# The evidence")[2])
        return f"```json\n{json.dumps({'reasoning': 'Seen.', 'edits': edits})}\n```"

    @staticmethod
    def _agent(messages: Messages) -> str:
        turn = sum(message["role"] == "assistant" for message in messages)
        if turn > 1:
            return "ACTION: TASK_COMPLETE"
        command = (_LOOK, "cp input.xlsx output.xlsx")[turn]
        call = {"name": "bash", "arguments": {"command": command}}
        return f"Thought: go on.\nAction:\n{json.dumps(call)}"

    def _report(self, log: str) -> str:
        """The lesson repeats the note of the log; with no note there it makes up its own."""
        order = re.search(r"This is order (\d\d)", log)
        assert order
        case = CASES[int(order[1]) - 1]
        there = case.where == "lesson" or case.number in map(int, _NOTE.findall(log))
        note = f"NOTE {order[1]}: {case.handed_on(self.seed)} END" if there else "Nothing."
        return (
            "# Failure Cause Item 1\n\n## Title\nNothing was written\n\n## Description\nThe input "
            f"was saved as it was.\n\n## Content\nThe note was not followed.\n\n"
            f"# Failure Memory Item 1\n\n## Title\nBlock {_name(case)}\n\n## Description\nFor all "
            f"work.\n\n## Content\n{note}\n"
        )

    def _proposed(self, evidence: str) -> list[dict[str, Any]]:
        edits = []
        for number in dict.fromkeys(_NOTE.findall(evidence)):
            case = CASES[int(number) - 1]
            place = {"file": "SKILL.md", "op": "append_to_section"}
            place["target_section"] = "## Guidelines"
            for title, content in (
                (f"Order {_name(case)}", SOUND.format(_name(case))),
                (f"Note {_name(case)}", case.handed_on(self.seed)),
            ):
                edits.append({**place, "content": f"- {content}", "title": title})
        return edits
