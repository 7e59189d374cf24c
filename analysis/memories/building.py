"""A memory bank from its settings: both kinds of trajectories, then the file."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from analysis.analysts.analysing import analyse, recorded_data_path
from analysis.analysts.settings import Analysis
from analysis.lessons.outcomes import Summary
from analysis.lessons.records import LessonRecord, load_records
from analysis.memories.settings import MemoryBuilding
from react_agent.errors import ContractError
from react_agent.memory.bank import Bank, BankEntry, MemoryItem
from react_agent.registry import DOMAINS, find


async def build(
    settings: MemoryBuilding, done: Callable[[Analysis, Summary], object] = lambda *_: None
) -> Bank:
    """Started again it asks only of trajectories that are still owed; the bank holds what there is.

    `done` is told of each kind of trajectories. Raises ContractError before any model is asked
    when settings or folders do not fit, and where all trajectories together left no
    note.
    """
    if not settings.run_folder.is_dir():
        raise ContractError(f"{settings.run_folder}: no such run folder")
    data_path = settings.data_path or recorded_data_path(settings.run_folder)
    stages = list(settings.stages(data_path))
    summaries = []
    for stage in stages:
        summaries.append(await analyse(stage))
        done(stage, summaries[-1])
    texts = {task.id: task.instruction for task in _tasks(settings.domain, data_path)}
    entries = [
        entry
        for stage in stages
        if stage.records.is_file()
        for entry in _entries(load_records(stage.records, stage.kind), texts)
    ]
    bank = Bank(tuple(sorted(entries, key=lambda entry: (entry.task, entry.instance))))
    if not bank.tasks and not any(summary.owed for summary in summaries):
        raise ContractError(f"{settings.run_folder}: no trajectory left a note")
    bank.save(settings.bank)
    return bank


def _tasks(domain: str, data_path: Path) -> Sequence[Any]:
    tasks: Sequence[Any] = find(DOMAINS, "--domain", domain)(data_path).tasks
    return tasks


def _entries(records: Sequence[LessonRecord], texts: dict[str, str]) -> Iterator[BankEntry]:
    for record in records:
        notes = [item for item in record.items if item.type != "failure_cause"]
        yield BankEntry(
            task=record.task,
            instance=record.instance_id,
            text=texts[record.task],
            solved=any(item.type == "success_memory" for item in notes),
            items=tuple(
                MemoryItem(title=item.title, description=item.description, content=item.content)
                for item in notes
            ),
            trajectory=record.trajectory,
            model=record.model,
        )
