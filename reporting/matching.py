"""Which of the paper's rows a run of the user's own can stand beside, and what sets it apart.

Nothing is guessed: what run.json, the data set and the skill's history do not show is a reason
for `Unmatched`. What they show to be otherwise than in the paper is a deviation, named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import digest
from reporting import paper
from reporting.comparison import RECORDED
from reporting.entrants import Entrant
from reporting.origins import Origin, Unmatched, model_size, origin_of
from reporting.paper import PaperRow
from reporting.statistics import spread
from spreadsheetbench.dataset import Dataset

VERIFIED = (400, "13-1", "59902")
"""How many tasks SpreadsheetBench Verified has, and its first and last id (paper, App. A)."""
FULL = 912
PUBLISHED = Path("data/spreadsheetbench_verified/spreadsheetbench_verified_400")
SEEDS = {"41", "42", "43"}
TURNS, TEMPERATURE = 100, 1.0


@dataclass(frozen=True)
class Own:
    """One run (or several seeds of it) in the paper's terms."""

    path: str
    user: str
    origin: Origin
    values: Mapping[str, float]
    """Percent by benchmark, the mean over seeds."""
    std: Mapping[str, float | None]
    deviations: tuple[str, ...]
    files: tuple[str, ...]

    def fits(self, row: PaperRow) -> bool:
        origin = self.origin
        if row.benchmark not in self.values or row.user != self.user or row.mode != origin.mode:
            return False
        if (row.author, row.signal) != (origin.author, origin.signal):
            return False
        if row.signal in (None, "success"):
            return row.method in (None, "parallel")
        ways = {"agentic": (None, "parallel", "agentic"), "single call": ("single call",)}
        return row.method in ways.get(origin.analyst, ())


def identify(entrant: Entrant, data_path: Path | None = None) -> Own:
    """Raises Unmatched with the reason."""
    view = entrant.first.view
    if not view.settings:
        raise Unmatched("no run.json says how it was run")
    if entrant.recorded:
        raise Unmatched(RECORDED)
    user, model_apart = model_size(view.model, "model")
    dataset = _dataset(entrant, data_path)
    benchmarks, split_apart = _benchmarks(entrant, dataset)
    origin = origin_of(entrant, dataset)
    values, std = _values(entrant, benchmarks)
    deviations = (*model_apart, *split_apart, *_settings_apart(entrant), *origin.deviations)
    return Own(entrant.path, user, origin, values, std, deviations, entrant.files)


def _benchmarks(entrant: Entrant, dataset: Dataset) -> tuple[list[str], tuple[str, ...]]:
    """What the evaluated ids are in the data set that was run."""
    ids, seen = [task.id for task in dataset.tasks], {*entrant.tasks}
    if (len(ids), ids[0], ids[-1]) == VERIFIED:
        for benchmark, half in ((paper.HELD_OUT, ids[200:]), (paper.EVOLVE, ids[:200])):
            if seen == {*half}:
                return [benchmark], ()
        raise Unmatched(
            f"evaluated {_rows(ids, seen)}, where the paper has rows 200:400 (or 0:200)"
        )
    if len(ids) == FULL and len(seen) >= FULL - 200:
        apart = f"evaluated {len(seen)} of 912 tasks; which 2,529 cases the paper took is not known"
        return [paper.SOFT, paper.HARD], (apart,)
    raise Unmatched(
        f"{dataset.path} with {len(ids)} tasks is neither SpreadsheetBench Verified nor the full "
        f"benchmark, or too few of it were evaluated ({len(seen)})"
    )


def _dataset(entrant: Entrant, data_path: Path | None) -> Dataset:
    view = entrant.first.view
    tried = [path for path in (data_path, view.data_path, PUBLISHED) if path]
    for path in tried:
        try:
            dataset = Dataset.load(path)
        except ContractError:
            continue
        if digest(dataset.path.read_bytes()) == view.settings.get("dataset"):
            return dataset
    looked = ", ".join(dict.fromkeys(map(str, tried)))
    raise Unmatched(f"the data set it was run on is not at {looked}; name it with --data_path")


def _rows(ids: Sequence[str], seen: set[str]) -> str:
    places = [number for number, task in enumerate(ids) if task in seen]
    if not places:
        return f"{len(seen)} tasks of no row"
    first, stop = places[0], places[-1] + 1
    whole = stop - first == len(places) == len(seen)
    return f"rows {first}:{stop}" if whole else f"{len(seen)} tasks scattered over the rows"


def _values(
    entrant: Entrant, benchmarks: Sequence[str]
) -> tuple[dict[str, float], dict[str, float | None]]:
    values, std = {}, {}
    for benchmark in benchmarks:
        soft = benchmark == paper.SOFT
        each = [
            100 * fmean((run.soft(t) or 0.0) if soft else run.passed(t) for t in entrant.tasks)
            for run in entrant.runs
        ]
        values[benchmark], std[benchmark] = fmean(each), spread(each)
    return values, std


def _settings_apart(entrant: Entrant) -> list[str]:
    settings = entrant.first.view.settings
    model = settings.get("model")
    generation: Any = model.get("generation") if isinstance(model, dict) else None
    heat = generation.get("temperature") if isinstance(generation, dict) else None
    apart = []
    if settings.get("max_turns") != TURNS:
        apart.append(f"max_turns {settings.get('max_turns')}, the paper's {TURNS}")
    if heat != TEMPERATURE:
        known = "not noted" if heat is None else str(heat)
        apart.append(f"temperature {known}, the paper's {TEMPERATURE} (its code sends 0.7)")
    if entrant.first.rules != "released":
        apart.append(f"scored by the rules {entrant.first.rules}, the paper's are released")
    if {*entrant.seeds} != SEEDS:
        named = ", ".join(seed or "not noted" for seed in entrant.seeds)
        apart.append(f"seeds {named}, the paper's 41, 42, 43")
    if entrant.infrastructure:
        apart.append(f"{len(entrant.infrastructure)} tasks ended by infrastructure count as wrong")
    if entrant.refused:
        apart.append(f"{len(entrant.refused)} tasks were refused by a content filter")
    return apart
