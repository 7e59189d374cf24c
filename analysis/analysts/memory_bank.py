"""A memory bank from its settings: both kinds of trajectories, then the file."""

from collections.abc import Callable, Iterator, Sequence

from analysis.analysts.analysing import analyse_run, data_path_of
from analysis.analysts.settings import Analysis, MemoryBuilding
from analysis.lessons.outcomes import Summary
from analysis.lessons.records import LessonRecord, load_records
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
    summaries = await analyse_run(settings, done)
    data_path = data_path_of(settings)
    tasks = find(DOMAINS, "--domain", settings.domain)(data_path).tasks
    texts = {task.id: task.instruction for task in tasks}
    entries = [
        entry
        for stage in settings.stages(data_path)
        if stage.records.is_file()
        for entry in _entries(load_records(stage.records, stage.kind), texts)
    ]
    bank = Bank(tuple(sorted(entries, key=lambda entry: (entry.task, entry.instance))))
    if not bank.tasks and not any(summary.owed for summary in summaries):
        raise ContractError(f"{settings.run_folder}: no trajectory left a note")
    bank.save(settings.bank)
    return bank


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
