"""What a reproduction is made of: stages, steps and agents, and when their results are whole."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.layout import RESULTS, RunLayout, seed_name
from react_agent.runs.logs import read_log
from react_agent.seams import NOT_THE_AGENT, REFUSED
from react_agent.settings import Settings


@dataclass(frozen=True)
class Stage:
    """One stage to be run."""

    name: str
    """As `trace2skill NAME` knows it."""
    settings: Settings


@dataclass(frozen=True)
class PipelineStep:
    """Stages that together leave one result."""

    name: str
    about: str
    kind: str
    """rollouts, lessons, memory or evolution: what its calls are like."""
    split: str
    stages: tuple[Stage, ...]
    whole: Callable[[], bool]
    leaves: tuple[Path, ...] = ()
    """Where its first files come to lie."""
    entrant: "Entrant | None" = None
    runs: int = 1
    """Cases for each task of the split."""
    evolution: int | None = None
    """Seed of the evolution that it is, or whose skill it tries."""

    @property
    def begun(self) -> bool:
        return any(place.exists() for place in self.leaves)


@dataclass(frozen=True)
class Entrant:
    """One agent on one split: a row of the closing table."""

    label: str
    split: str
    folder: Path
    skill: str = ""
    skills_dir: Path = Path()
    seeds: tuple[int, ...] = ()
    prefix: str = ""
    """Of the folders outputs, logs and work, where several runs share `folder`."""
    evolution: int | None = None
    """Seed of the evolution that its skill comes from."""
    bank: Path | None = None
    """Notes that it is reminded of."""

    @property
    def layout(self) -> RunLayout:
        return RunLayout.below(self.folder, self.prefix)

    @property
    def outputs(self) -> Path:
        return self.layout.outputs

    @property
    def verdicts(self) -> Path:
        return self.layout.verdicts

    def seed_folders(self) -> list[Path]:
        if len(self.seeds) == 1:
            return [self.outputs]
        return [self.outputs / seed_name(seed) for seed in self.seeds]


def scored(entrant: Entrant, tasks: int) -> bool:
    """Every task ended by the agent, scored since, and every log named by its verdict."""
    folders = entrant.seed_folders()
    ended = [_ended(folder / RESULTS) for folder in folders]
    if any(number < tasks for number in ended) or not entrant.verdicts.is_file():
        return False
    scored = entrant.verdicts.stat().st_mtime_ns
    if any((folder / RESULTS).stat().st_mtime_ns > scored for folder in folders):
        return False
    triaged = [path for path in entrant.layout.logs.rglob("*.md") if _triaged(path)]
    return len(triaged) >= tasks * len(folders)


def _triaged(path: Path) -> bool:
    """Named by its verdict, or never to be: a refused run says nothing of the agent."""
    return path.stem.endswith(("_SUCCEED", "_FAILED")) or read_log(path).status == REFUSED


def _ended(results: Path) -> int:
    """Tasks whose every test case the agent has ended."""
    instances = field_of(results, "results")
    if not isinstance(instances, list):
        return -1
    cases: list[Sequence[dict[str, Any]]] = [instance["test_cases"] for instance in instances]
    return sum(
        bool(rows) and all(row["status"] not in NOT_THE_AGENT for row in rows) for rows in cases
    )


def field_of(path: Path, name: str) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value.get(name) if isinstance(value, dict) else None
