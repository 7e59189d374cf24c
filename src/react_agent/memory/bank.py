"""A memory bank: one JSON line a trajectory, with the text of its task and the notes made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from react_agent.configfile import read_records
from react_agent.errors import ContractError
from react_agent.files import digest, write_whole


class MemoryItem(BaseModel, frozen=True):
    """One note."""

    title: str
    description: str = ""
    content: str = ""


class BankEntry(BaseModel, frozen=True):
    """What one trajectory left."""

    task: str
    instance: str
    text: str
    """Of the task: what is compared with the text of another."""
    solved: bool
    items: tuple[MemoryItem, ...]
    trajectory: str = ""
    """The log that the notes were made of."""
    model: str = ""
    """Who made them."""


@dataclass(frozen=True)
class Bank:
    entries: tuple[BankEntry, ...]

    @classmethod
    def load(cls, path: Path) -> "Bank":
        """Raises ContractError for a file that is absent, holds another thing, or no note."""
        if not path.is_file():
            raise ContractError(f"{path}: no such memory bank; make one with `trace2skill memory`")
        bank = cls(tuple(read_records(BankEntry, path)))
        if not bank.tasks:
            raise ContractError(f"{path}: holds no note; make it anew with `trace2skill memory`")
        return bank

    def save(self, path: Path) -> None:
        write_whole(path, "".join(f"{entry.model_dump_json()}\n" for entry in self.entries))

    @cached_property
    def tasks(self) -> Sequence[BankEntry]:
        """Those that left a note, in the order of the file, each with the notes of all its
        trajectories."""
        found: dict[str, BankEntry] = {}
        for entry in filter(lambda entry: entry.items, self.entries):
            first = found.setdefault(entry.task, entry)
            if first is not entry:
                more = first.model_copy(update={"items": first.items + entry.items})
                found[entry.task] = more
        return list(found.values())

    @property
    def digest(self) -> str:
        """Of all that can come before a task."""
        return digest(
            *(
                part
                for task in self.tasks
                for part in (task.task, task.text, *(item.model_dump_json() for item in task.items))
            )
        )

    @property
    def signals(self) -> str:
        """The paper's word for what the notes were made of."""
        kinds = {entry.solved for entry in self.entries if entry.items}
        if len(kinds) != 1:
            return "combined"
        return "success" if kinds == {True} else "error"
