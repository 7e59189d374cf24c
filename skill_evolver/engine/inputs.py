"""What an evolution learns from: records or patterns, chosen and rendered for the prompts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from analysis.lessons.records import ItemType, LessonRecord, load_records, of_tasks, resolve
from analysis.lessons.settings import NO_TRUTH
from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.registry import DOMAINS, find
from react_agent.seams import Domain
from skill_evolver.engine.asking import PROMPTS
from skill_evolver.engine.settings import Evolution, Lessons

KINDS = {
    "failure_cause": "Cause",
    "failure_memory": "Memory item",
    "success_memory": "Success memory item",
}


class Run(BaseModel):
    """One trajectory behind a lesson, as far as its record knows it."""

    model_config = ConfigDict(frozen=True)

    key: str
    task: str = ""
    kind: str = ""
    seed: int | None = None
    trajectory: str = ""
    report: str = ""
    model: str = ""
    error_class: str = ""
    failing_cells: tuple[str, ...] = ()
    failing_cells_total: int = 0
    gate: str = ""
    lessons: tuple[str, ...] = ()
    """The titles of the record's items."""
    counted: tuple[str, ...] = ()
    """Runs that failed in the same class and were not analysed."""


@dataclass(frozen=True)
class LessonEntry:
    """One record or pattern, ready for a prompt."""

    key: str
    text: str
    runs: tuple[Run, ...]
    types: frozenset[str]


def _covered(value: Any) -> Any:
    """Ids of runs as a tuple; anything else is text, as the paper's release has it."""
    if not isinstance(value, list):
        return value or ""
    found = [_id_of(entry) for entry in value]
    plain = all(len(name.split()) <= 1 for name in found)
    return tuple(found) if plain else "\n".join(f"- {name}" for name in found)


def _id_of(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("instance_id", value.get("id", value.get("title", "")))
    return str(value)


Covered = Annotated[str | tuple[str, ...], BeforeValidator(_covered)]


class Pattern(BaseModel):
    """A lesson that somebody found to recur."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ItemType = "failure_cause"
    index: int | str = 0
    title: str
    description: str = ""
    skill_improvement: str = ""
    covered_specific_errors: Covered = ""
    covered_specific_successes: Covered = ""

    @property
    def runs(self) -> tuple[str, ...]:
        covered = (self.covered_specific_errors, self.covered_specific_successes)
        return tuple(dict.fromkeys(run for c in covered if isinstance(c, tuple) for run in c))

    @property
    def cases(self) -> dict[str, str]:
        """What it covers, in words, by the word for it."""
        covered = {
            "Errors": self.covered_specific_errors,
            "Successes": self.covered_specific_successes,
        }
        return {what: c for what, c in covered.items() if isinstance(c, str) and c.strip()}


def load_entries(settings: Evolution) -> tuple[list[LessonEntry], bool]:
    """The entries in order, and whether they are patterns.

    Raises ContractError for a file that does not fit, or when nothing is left to learn from.
    """
    entries: list[LessonEntry] = []
    patterns, mode = False, settings.input_mode
    for path, kind in settings.sources:
        file = resolve(path, kind)
        is_patterns = mode == "patterns" or (mode == "auto" and isinstance(read_json(file), dict))
        patterns |= is_patterns
        if is_patterns:
            entries += [_pattern_entry(p) for p in _load_patterns(file)]
        else:
            records = load_records(file, kind)
            entries += [_record_entry(r) for r in _select(records, settings)]
    if patterns:
        entries = entries[settings.start_idx : settings.end_idx]
    if not entries:
        names = ", ".join(str(path) for path, _ in settings.sources)
        raise ContractError(f"{names}: no record is left to learn from; see --start-idx/--end-idx")
    return entries, patterns


def lessons_of(entries: Sequence[LessonEntry]) -> Lessons:
    """What the items are about, when no flag says it."""
    types = frozenset[str]().union(*(e.types for e in entries))
    if "success_memory" not in types:
        return "error"
    return "success" if types == {"success_memory"} else "combined"


def _select(records: list[LessonRecord], settings: Evolution) -> list[LessonRecord]:
    """The seed of the order also draws the sample."""
    seed, part = settings.order_seed, slice(settings.start_idx, settings.end_idx)
    draw, sample = random.Random(seed or 0), settings.sample_task_count
    if settings.data_path:
        domain: Domain[Any] = find(DOMAINS, "domain", settings.domain)(settings.data_path)
        names = [task.id for task in domain.select()]
        if seed is not None:
            draw.shuffle(names)
        return of_tasks(records, names[part][:sample])
    if sample is None:
        if seed is not None:
            draw.shuffle(records)
        return records[part]
    chosen = records[part]
    names = list(dict.fromkeys(record.task for record in chosen))
    return of_tasks(chosen, draw.sample(names, min(sample, len(names))))


def _record_entry(record: LessonRecord) -> LessonEntry:
    types = frozenset(item.type for item in record.items)
    success = types == {"success_memory"}
    end = f"_seed_{record.seed}"
    seed = "" if record.seed is None or record.instance_id.endswith(end) else end
    run = Run(
        key=f"{record.instance_id}{seed}",
        task=record.task,
        kind="success" if success else "error",
        seed=record.seed,
        trajectory=record.trajectory,
        report=record.report or record.source_file,
        model=record.model,
        error_class=record.error_class,
        failing_cells=tuple(f"{c.sheet}!{c.cell}" for c in record.failing_cells),
        failing_cells_total=record.failing_cells_total,
        gate=" ".join(filter(None, (record.gate_mode, record.gate_verdict))),
        lessons=tuple(item.title for item in record.items),
        counted=record.counted,
    )
    text = PROMPTS.render(
        "map/entry_record.j2",
        record=record,
        success=success,
        unjudged=record.gate_verdict == NO_TRUTH,
        kinds=KINDS,
    )
    return LessonEntry(run.key, text, (run,), types)


def _load_patterns(file: Path) -> list[Pattern]:
    value = read_json(file)
    if not isinstance(value, dict):
        raise ContractError(f"{file}: patterns are an object of lists by type of item")
    found: list[Pattern] = []
    for kind in KINDS:
        group = value.get(kind, [])
        if not isinstance(group, list):
            raise ContractError(f"{file}: {kind} has to be a list of patterns")
        for number, raw in enumerate(group, start=1):
            fields = {"index": number, **raw, "type": kind} if isinstance(raw, dict) else raw
            found.append(fitted(Pattern, fields, f"{file}: {kind} {number}, field ", "pattern"))
    return found


def _pattern_entry(pattern: Pattern) -> LessonEntry:
    key = f"{pattern.type}-{pattern.index}"
    kind = "success" if pattern.type == "success_memory" else "error"
    runs = tuple(
        Run(key=name, task=name, kind=kind, lessons=(pattern.title,)) for name in pattern.runs
    ) or (Run(key=key, kind=kind, lessons=(pattern.title,)),)
    text = PROMPTS.render("map/entry_pattern.j2", key=key, pattern=pattern, kinds=KINDS)
    return LessonEntry(key, text, runs, frozenset([pattern.type]))
