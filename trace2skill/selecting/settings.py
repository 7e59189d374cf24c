"""What a selection of patches is told. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import setting
from trace2skill.trials.settings import Trying


@dataclass(frozen=True, kw_only=True)
class PatchSelection(Trying):
    """Subsets of an evolution's lessons, tried on tasks of the training split."""

    output_dir: Path = setting(
        "the tried skills and their runs, selection.json, and the chosen skill below skills/",
        Path("outputs/select"),
    )
    method: Literal["greedy", "estimator"] = setting(
        "greedy: one lesson more, or one less, as long as that is better; estimator: a tree-"
        "structured estimator proposes subsets (needs optuna, the extra `select`)",
        "greedy",
    )
    patches: int | None = setting(
        "choose among so many lessons, those with most support",
        None,
        least=1,
        default_text="5 for greedy, 15 for the estimator",
    )
    min_support: int = setting("leave lessons with less support out", 1, least=1)
    rounds: int | None = setting(
        "passes over the lessons, or rounds of eight proposals",
        None,
        least=1,
        default_text="10 for greedy, 4 for the estimator",
    )
    max_candidates: int = setting("try no more subsets than this", 64, least=2)
    search_seed: int = setting("of what the estimator draws", 0)
    start_idx: int = setting("first record that may be tried on", 0)
    end_idx: int | None = setting(
        "record after the last", None, default_text="the end of the half that teaches"
    )
    instance_ids: tuple[str, ...] = setting("only these tasks", (), unit="IDS")
    sample: int | None = setting("try on so many of them", 32, least=1)
    shuffle_seed: int | None = setting("which of them: shuffled by this seed", 0)

    @property
    def among(self) -> int:
        return self.patches or (5 if self.method == "greedy" else 15)

    @property
    def passes(self) -> int:
        return self.rounds or (10 if self.method == "greedy" else 4)
