"""The paper's comparisons of ways to evolve, as values: what each arm changes in a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from react_agent.errors import ContractError


@dataclass(frozen=True)
class Arm:
    label: str
    changes: Mapping[str, Any]

    @property
    def folder(self) -> str:
        return self.label.replace(" ", "_").replace("=", "").lower()


@dataclass(frozen=True)
class Experiment:
    """Arms that differ in one thing; the first is what the others are held against."""

    about: str
    table: str
    """Of the paper."""
    arms: tuple[Arm, ...]


EXPERIMENTS: Mapping[str, Experiment] = {
    "merging": Experiment(
        "patches in parallel and merged, against edits one batch after the other",
        "Table 4",
        (
            Arm("parallel", {"lessons": "error"}),
            Arm("sequential B=1", {"lessons": "error", "mode": "sequential"}),
            Arm("sequential B=4", {"lessons": "error", "mode": "sequential", "batch_size": 4}),
        ),
    ),
    "analysts": Experiment(
        "an analyst that works on each failure, against one call",
        "Table 12",
        (
            Arm("agentic", {"lessons": "error"}),
            Arm("single call", {"lessons": "error", "analyst": "single call"}),
        ),
    ),
    "signals": Experiment(
        "lessons of failures, of successes, and of both",
        "Table 1",
        (
            Arm("error", {"lessons": "error"}),
            Arm("success", {"lessons": "success"}),
            Arm("combined", {"lessons": "combined"}),
        ),
    ),
    "starts": Experiment(
        "deepening of the seed skill, against creation from a draft",
        "Table 1",
        (Arm("deepening", {"start": "xlsx"}), Arm("creation", {"start": "xlsx-basic"})),
    ),
}


def find_experiment(name: str) -> Experiment:
    """Raises ContractError for an unknown one."""
    if name not in EXPERIMENTS:
        known = "; ".join(f"{key}: {one.about}" for key, one in EXPERIMENTS.items())
        raise ContractError(f"--experiment {name}: there is {known}")
    return EXPERIMENTS[name]
