"""Which of the paper's rows a run of the user's own can stand beside, and what sets it apart.

Nothing is guessed: what run.json, the data set and the skill's history do not show is a reason
for `Unmatched`. What they show to be otherwise than in the paper is a deviation, named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.registry import DOMAINS, find
from react_agent.seams import Domain
from reporting.comparing.comparison import RECORDED
from reporting.comparing.entrants import Entrant, Scored
from reporting.comparing.statistics import spread
from reporting.ledger import paper
from reporting.ledger.deviations import settings_apart
from reporting.ledger.origins import Origin, Unmatched, model_size, origin_of
from reporting.ledger.paper import PaperRow
from reporting.ledger.published import Place

VERIFIED = (400, "13-1", "59902")
"""How many tasks SpreadsheetBench Verified has, and its first and last id (paper, App. A)."""
FULL = 912
PAGES = 5349
"""Questions of DocVQA's validation set."""
PUBLISHED = Path("data/spreadsheetbench_verified/spreadsheetbench_verified_400")


MEASURES: Mapping[str, Callable[[Scored, str], float]] = {
    paper.SOFT: lambda run, task: 100 * (run.soft(task) or 0.0),
    paper.ANLS: lambda run, task: run.verdicts[task].soft_score or 0.0,
}
"""What is averaged over the tasks, where it is not the percentage that passed."""


@dataclass(frozen=True)
class Own:
    """One run (or several seeds of it) in the paper's terms."""

    path: str
    user: str
    origin: Origin
    values: Mapping[str, float]
    """By benchmark, in the paper's unit: the mean over seeds."""
    std: Mapping[str, float | None]
    deviations: tuple[str, ...]
    files: tuple[str, ...]

    def fits(self, row: PaperRow) -> bool:
        origin = self.origin
        if row.benchmark not in self.values or row.user != self.user or row.mode != origin.mode:
            return False
        # Tables 8 to 11 hold ways against each other and name no author: the user's own then.
        author = row.author or (row.user if row.method else None)
        if (author, row.signal) != (origin.author, origin.signal):
            return False
        if origin.method:
            return row.method == origin.method
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
    deviations = (*model_apart, *split_apart, *settings_apart(entrant), *origin.deviations)
    return Own(entrant.path, user, origin, values, std, deviations, entrant.files)


def place(entrant: Entrant, data_path: Path | None = None) -> list[Place]:
    """Where a result stands among what others report on Verified, by any model; none for recorded
    replies and other data."""
    if entrant.recorded or not entrant.first.view.settings:
        return []
    try:
        dataset = _dataset(entrant, data_path)
    except Unmatched:
        return []
    ids, seen = [task.id for task in dataset.tasks], {*entrant.tasks}
    if (len(ids), ids[0], ids[-1]) != VERIFIED:
        return []
    values, std = _values(entrant, [paper.HELD_OUT])
    tasks = "200 held out" if seen == {*ids[200:]} else _rows(ids, seen)
    return [
        Place(path=entrant.path, value=values[paper.HELD_OUT], std=std[paper.HELD_OUT], tasks=tasks)
    ]


def _benchmarks(entrant: Entrant, dataset: Domain[Any]) -> tuple[list[str], tuple[str, ...]]:
    """What the evaluated ids are in the data set that was run."""
    ids, seen = [task.id for task in dataset.tasks], {*entrant.tasks}
    if known := paper.TABLES_OF.get(entrant.first.view.domain):
        return _questions(known, len(ids), len(seen))
    if entrant.first.view.domain == "math":
        return _problems(entrant, dataset.source, ids, seen)
    if entrant.first.view.domain == "docvqa":
        return _pages(ids, seen)
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
        f"{dataset.source} with {len(ids)} tasks is neither SpreadsheetBench Verified nor the full "
        f"benchmark, or too few of it were evaluated ({len(seen)})"
    )


def _questions(known: tuple[str, int], there: int, seen: int) -> tuple[list[str], tuple[str, ...]]:
    """A sample says nothing of the paper's figure; half of the test set does, deviating."""
    name, whole = known
    if seen < whole / 2:
        raise Unmatched(f"evaluated {seen} of the {whole:,} questions of {name}'s test set")
    apart = f"evaluated {seen:,} of {there:,} questions; which the paper took is not known"
    return [name], (apart, "tables put into workbooks in this toolkit's way, not the paper's")


def _problems(
    entrant: Entrant, source: Path, ids: Sequence[str], seen: set[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Problems that are numbered are a competition's; which one, the names of file and folder
    say."""
    if [*ids] == [f"p{number}" for number in range(1, 31)]:
        named = f"{source.parent.name} {source.name}".lower()
        if "aime" not in named or "2026" not in named:
            raise Unmatched(f"nothing says that {source} is AIME 2026; name it aime2026")
        if seen != {*ids}:
            raise Unmatched(f"evaluated {len(seen)} of the 30 problems of AIME 2026")
        runs = len(entrant.runs)
        return [paper.AIME], () if runs == 8 else (f"mean of {runs} runs, the paper's of 8",)
    if seen != {*ids[400:500]} or len(seen) < 100:
        raise Unmatched(f"evaluated {_rows(ids, seen)}, where DAPO-Math's test half is 400:500")
    return [paper.DAPO], ("which 400 and 100 problems of DAPO-Math the paper took is not known",)


def _pages(ids: Sequence[str], seen: set[str]) -> tuple[list[str], tuple[str, ...]]:
    """V3 kept 2,649 questions for the test, V5 5,299."""
    if len(ids) != PAGES or seen & {*ids[:50]} or len(seen) < PAGES // 3:
        raise Unmatched(
            f"evaluated {_rows(ids, seen)} of {len(ids):,} questions, where the paper has "
            f"DocVQA's validation set ({PAGES:,}) but for those that taught (rows 0:50 here)"
        )
    apart = f"evaluated {len(seen):,} questions, the paper 5,299 (V3: 2,649); which is not known"
    return [paper.ANLS, paper.ACC], (apart,)


def _dataset(entrant: Entrant, data_path: Path | None) -> Domain[Any]:
    view = entrant.first.view
    tried = [path for path in (data_path, view.data_path, PUBLISHED) if path]
    for path in tried:
        try:
            dataset: Domain[Any] = find(DOMAINS, "domain", view.domain)(path)
        except ContractError:
            continue
        if digest(dataset.source.read_bytes()) == view.settings.get("dataset"):
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


def _passed(run: Scored, task: str) -> float:
    return 100 * run.passed(task)


def _values(
    entrant: Entrant, benchmarks: Sequence[str]
) -> tuple[dict[str, float], dict[str, float | None]]:
    values, std = {}, {}
    for benchmark in benchmarks:
        measure = MEASURES.get(benchmark, _passed)
        each = [fmean(measure(run, task) for task in entrant.tasks) for run in entrant.runs]
        values[benchmark], std[benchmark] = fmean(each), spread(each)
    return values, std
