"""Two small runs on bundled tasks, analysed and evolved from, with hostile text in every place."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from evolving import TOPICS, Author, make_skill, run
from project import MINI

from analysis.lessons.outcomes import CaseAnalysis
from analysis.lessons.records import FailingCell, LessonItem, LessonRecord, save_records
from react_agent.files import digest, write_json
from react_agent.model import Message, Usage
from react_agent.runs.folder import CaseResult, RunFolder
from react_agent.runs.logs import Log, LogName, write_log
from react_agent.seams import Status
from spreadsheet_agent import triage
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheetbench import evaluate
from spreadsheetbench.tasks.dataset import Dataset

TASKS = ("9001", "901-3", "9012", "902-7")
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'><!--"
AGENT = "cli_skill_preloaded_agent"


@dataclass(frozen=True)
class World:
    """What the fixtures hand to the tests."""

    root: Path
    data: Path
    first: Path
    second: Path
    skill: Path


def make_world(root: Path) -> World:
    data = _data(root / "data")
    first = _run(root / "first", data, failing=("9001", "9012"), absent=("902-7",))
    second = _run(root / "second", data, failing=(), infrastructure=("902-7",))
    skill = make_skill(root / "evolved")
    records = _analyse(first)
    run(skill, records, Author(), "--save-intermediates")
    return World(root, data, first, second, skill)


def _data(folder: Path) -> Path:
    """Four of the bundled tasks; the instruction of one is hostile."""
    index = json.loads((MINI / "dataset.json").read_text())
    chosen = [record for record in index if str(record["id"]) in TASKS]
    for record in chosen:
        if str(record["id"]) == "9012":
            record["instruction"] += HOSTILE
        path = record["spreadsheet_path"]
        shutil.copytree(MINI / path, folder / path)
    (folder / "dataset.json").write_text(json.dumps(chosen))
    return folder


def _run(
    root: Path,
    data: Path,
    failing: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    infrastructure: tuple[str, ...] = (),
) -> Path:
    dataset = Dataset.load(data)
    domain = SpreadsheetDomain(dataset)
    folder = RunFolder(root / "outputs")
    settings = {
        "agent": "cli_skill_preloaded",
        "skill": {"name": "xlsx"},
        "model": {"model": "scripted", "source": "replay"},
        "seed": 41,
    }
    folder.open(settings, {"data_path": str(data)}, overwrite=False)
    for number, case in enumerate((c for t in TASKS for c in domain.cases(t)), start=1):
        status: Status = "completed"
        output = domain.output_path(case, folder.output_dir)
        gold = dataset.golds(case.task)[0]
        output.parent.mkdir(parents=True)
        if case.task_id in (*absent, *infrastructure):
            status = "out_of_turns" if case.task_id in absent else "infrastructure"
        elif case.task_id in failing:
            _spoil(gold, output)
        else:
            shutil.copyfile(gold, output)
        there = output.is_file()
        result = CaseResult(
            id=case.task_id,
            input_file=case.input_path.name,
            output_file=str(output.relative_to(folder.output_dir)) if there else None,
            status=status,
            success=there,
            turns=2 * number,
            usage=Usage(calls=2, prompt_tokens=1000 * number, completion_tokens=10),
            seconds=1.5 * number,
            output_digest=digest(output.read_bytes()) if there else "",
        )
        folder.add(result)
        _log(root / "logs", result, case.task.answer_position)
    names = [(task.id, task.instruction) for task in dataset.tasks]
    folder.write_summary(names, {"agent_name": AGENT, "model": "scripted", "seed": 41}, {})
    flags = ["--data_path", str(data), "--output_dir", str(folder.output_dir), "--workers", "1"]
    assert evaluate.main(flags) in (0, 1)
    verdicts = str(folder.output_dir / "eval_official_results.json")
    assert triage.main(["--eval_results", verdicts, "--log_dir", str(root / "logs")]) in (0, 1)
    return root


def _spoil(gold: Path, output: Path) -> None:
    book = openpyxl.load_workbook(gold)
    sheet = book.active
    assert sheet is not None
    if "9001" in gold.name:
        sheet["G4"] = "=SUM(D4:D9)"
    else:
        sheet["D3"] = HOSTILE
    book.save(output)


def _log(folder: Path, result: CaseResult, position: str) -> None:
    call = json.dumps({"name": "bash", "arguments": {"command": f"echo one\necho '{HOSTILE}'"}})
    messages = (
        Message(role="system", content=f"You work on spreadsheets. {HOSTILE}"),
        Message(role="user", content=f"Here is the task.\n\nanswer_position: {position}\n"),
        Message(role="assistant", content=f"Thought: look at it {HOSTILE}\nAction:\n{call}"),
        Message(role="user", content=f"Observation:\none\n{HOSTILE}"),
        Message(role="assistant", content="I am lost."),
        Message(role="user", content="Your reply holds no action."),
        Message(role="assistant", content="Thought: done.\n\nACTION: TASK_COMPLETE"),
    )
    facts = {"success": result.success, "status": result.status, "turns": result.turns}
    log = Log(messages, {**facts, "error": None}, title=f"{AGENT} on {result.id}")
    write_log(folder, LogName(AGENT, result.id), log, "markdown")


def _analyse(root: Path) -> Path:
    """Records of the two failures, as analysts leave them; one more case did not pass the gate."""
    records = []
    for number, task in enumerate(("9001", "9012", "902-7")):
        log = root / "logs" / f"{AGENT}_{task}_FAILED.md"
        assert log.is_file()
        held = task != "902-7"
        cells = (FailingCell(sheet="Payments", cell="G4"),) if task == "9001" else ()
        analysis = CaseAnalysis(
            instance_id=task,
            task_id=task,
            trajectory=str(log),
            outcome="lesson" if held else "gate not held",
            error_class="uncalculated_formula",
            failing_cells=cells,
            failing_cells_total=len(cells),
            gate_mode="output",
            gate_verdict="held" if held else "refused",
        )
        folder = root / "error_analysis" / task
        write_json(folder / "analysis.json", analysis.model_dump(mode="json"))
        item = LessonItem(
            type="failure_memory", number=1, title=f"Title {HOSTILE}", content=TOPICS[number]
        )
        if held:
            records.append(
                LessonRecord(
                    instance_id=task,
                    source_file=str(folder / "analysis_report.md"),
                    items=(item,),
                    task_id=task,
                    trajectory=str(log),
                    error_class="uncalculated_formula",
                    failing_cells=cells,
                    failing_cells_total=len(cells),
                    gate_mode="output",
                    gate_verdict="held",
                )
            )
    path = root / "error_analysis_parsed.json"
    save_records(path, records)
    return path
