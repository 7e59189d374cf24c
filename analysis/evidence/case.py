"""The evidence of one case: its log as text, and where its workbooks lie in the data set."""

from pathlib import Path

from analysis.lessons.leaks import LeakScan
from analysis.lessons.selection import Subject
from react_agent.errors import ContractError
from react_agent.filenames import case_folder
from react_agent.layout import seed_name
from react_agent.runs.logs import Log
from react_agent.text import cut_middle
from spreadsheetbench.evidence.facts import Question, case_facts
from spreadsheetbench.tasks.dataset import Dataset, SheetCase

MESSAGE_CHARACTERS = 12_000
"""Of one message in a prompt; a workbook that was typed into a command teaches nothing."""


def log_text(log: Log, limit: int, *, system: bool = True) -> tuple[str, bool]:
    """The run as a prompt shows it, and whether anything of it was left out.

    `system` says whether the agent's own instructions, its skill among them, are shown.
    """
    parts, cut = [], False
    for number, message in enumerate(log.messages, start=1):
        if message.role == "system" and not system:
            continue
        share = limit if message.role == "system" else min(limit, MESSAGE_CHARACTERS)
        text = cut_middle(message.text, share)
        cut = cut or len(message.text) > share
        parts.append(f"[{number}] {message.role.upper()}\n{text}")
    whole = "\n\n".join(parts)
    return cut_middle(whole, limit), cut or len(whole) > limit


def seen_text(log: Log) -> str:
    """All that was said to the agent and by it: its words are no secret to it."""
    return "\n".join(message.text for message in log.messages)


def case_of(dataset: Dataset, subject: Subject) -> SheetCase:
    """The data set's case that a log is of.

    Raises ContractError when the task is not in the data set or the input is not among its files.
    """
    task = dataset.by_id.get(subject.name.task_id)
    if task is None:
        raise ContractError(
            f"{subject.path.name}: {dataset.path} has no task {subject.name.task_id}; "
            "give the --data_path of the run"
        )
    cases = dataset.cases(task)
    recorded = str(subject.log.result.get("input_file") or "")
    for case in cases:
        if subject.name.case == case.name or (
            not subject.name.case and recorded == case.input_path.name
        ):
            return case
    if subject.name.case:
        raise ContractError(f"task {task.id} has no input workbook {subject.name.case}.xlsx")
    return cases[0]


def work_folder(work_dir: Path, subject: Subject, case: SheetCase) -> Path:
    """Where the run left its files."""
    base = work_dir if subject.seed is None else work_dir / seed_name(subject.seed)
    return base / case_folder(case.task_id, case.name)


def leak_scan(dataset: Dataset | None, subject: Subject) -> LeakScan:
    """What the items of a case must not give away; its answers only with the data set."""
    seen = seen_text(subject.log)
    if dataset is None:
        return LeakScan.of_case(seen=seen)
    case = case_of(dataset, subject)
    question = Question(case.task.answer_position, case.task.answer_sheet)
    try:
        facts = case_facts(dataset.gold(case), case.input_path, None, question)
    except Exception as error:  # a workbook of the data set that openpyxl cannot load
        raise ContractError(f"task {case.task_id}: its workbooks cannot be read") from error
    return LeakScan.of_case(facts.answers, case.task.instruction, seen)
