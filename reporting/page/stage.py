"""The report page as a stage: settings in, the page written, and what was written out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.layout import REPORT_PAGE
from react_agent.models.spending.prices import Prices
from react_agent.runs.reproduced import Reproduced, runs_of
from reporting.page import overview
from reporting.page.collect import Collection, task_rows, trajectory_keys
from reporting.page.evolutionview import EvolutionView, find_evolved, lessons_of
from reporting.page.html import Details, to_json, write_page
from reporting.page.places import Places
from reporting.page.settings import Report
from reporting.runs.runview import RunView, load_runs


@dataclass(frozen=True)
class Page:
    """What was written."""

    file: Path
    size: int
    """In bytes, without the details beside it."""
    details: int
    """Files of details beside it, for what is too large."""
    problems: int
    """Files that could not be used; the page lists them."""


def write_report(settings: Report) -> Page:
    """Raises ContractError for what holds no run; what is damaged in one is listed on the page."""
    output = settings.output
    if output and output.suffix != ".html":
        raise ContractError(f"{output}: the report is an .html file")
    paths = runs_of(settings.runs, training=True)
    runs = [run for path in paths for run in load_runs(path)]
    for run in runs:
        if not run.task_ids:
            raise ContractError(f"{run.path}: holds no run: no results, verdicts or logs")
    wholes = [Reproduced.find(path) for path in settings.runs]
    # Beside other runs the folders' names of a reproduction's runs tell more than its own words.
    labels = wholes[0].labels if len(wholes) == 1 and wholes[0] else {}
    names = [labels.get(r.path, name) for r, name in zip(runs, names_of(runs), strict=True)]
    evolved = next((whole.skill for whole in wholes if whole), None)
    skill = settings.skill or evolved or find_evolved(runs)
    evolution = EvolutionView.load(skill) if skill else None
    collection = Collection(runs, settings.data_path)
    collection.gather()
    prices = Prices.load(settings.prices)
    output = output or (settings.runs[0] if wholes[0] else runs[0].layout.root) / REPORT_PAGE
    places = Places([output.parent, *(run.layout.root for run in runs)])
    details = Details(output)
    for key, detail in collection.details():
        details.add(key, places.hidden(to_json(detail)))
    index = build_index(names, collection, evolution, prices)
    index["helped"] = helped(settings.runs, labels)
    held_out = runs_of(settings.runs)
    for facts, run in zip(index["runs"], runs, strict=True):
        facts["training"] = run.path in paths and run.path not in held_out
    title = settings.title or f"Trace2Skill: {', '.join(names)}"
    size = write_page(title, {"title": title, **index}, details, places.hidden)
    return Page(details.output, size, details.files, len(index["problems"]))


def helped(paths: Sequence[Path], labels: Mapping[Path, str]) -> list[dict[str, Any]]:
    """Held-out runs alone, in order, the last one being what was evolved. Runs that cannot be
    compared give one row without a verdict that says why; a single run gives none."""
    from reporting.comparing.comparison_text import in_words  # late: scipy
    from reporting.comparing.entrants import load_entrants
    from reporting.comparing.standings import compare

    held_out = runs_of(paths)
    if len(held_out) < 2:
        return []
    names = [labels.get(path, path.name) for path in held_out]
    try:
        entrants, notes = load_entrants(held_out, common=True)
    except ContractError as error:
        return [{"name": "", "verdict": "", "text": f"The runs could not be compared: {error}"}]
    found = compare(entrants, notes=notes)
    return [
        {
            "name": name,
            "verdict": pair.verdict,
            "text": in_words(pair, names[0]),
        }
        for name, pair in zip(names[1:], found.pairs, strict=True)
    ]


def names_of(runs: Sequence[RunView]) -> list[str]:
    """The folders' names, with as much of the path as it takes to tell them apart."""
    places = [
        Path(*run.layout.root.absolute().parts[1:], *filter(None, [run.layout.seed_folder]))
        for run in runs
    ]
    for depth in range(1, max(len(place.parts) for place in places) + 1):
        names = ["/".join(place.parts[-depth:]) for place in places]
        if len(set(names)) == len(names):
            break
    return [n if names.count(n) == 1 else f"{n} ({i})" for i, n in enumerate(names, start=1)]


def build_index(
    names: Sequence[str],
    collection: Collection,
    evolution: EvolutionView | None,
    prices: Prices,
) -> dict[str, Any]:
    """All that the page shows at once; the details come after."""
    runs = collection.runs
    lessons: dict[str, Any] | None = None
    if evolution:
        known = evolution.provenance.runs if evolution.provenance else {}
        logs = {key: run.trajectory for key, run in known.items()}
        lessons = lessons_of(evolution, trajectory_keys(collection, logs))
    facts = [overview.run_facts(run, name, prices) for run, name in zip(runs, names, strict=True)]
    rows = task_rows(collection, prices)
    problems = [p for run in runs for p in run.problems] + collection.problems
    problems += evolution.problems if evolution else ()
    return {
        "recorded": any(run.recorded for run in runs),
        "runs": facts,
        "tasks": rows,
        "pairs": list(overview.pairs(runs, names)),
        "funnel": overview.funnel(runs, evolution),
        "distributions": list(overview.distributions(runs, names, prices)),
        "lessons": lessons,
        "prompts": collection.prompts,
        "problems": list(dict.fromkeys((p.file, p.reason) for p in problems)),
    }
