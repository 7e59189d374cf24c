"""The figures of the overview, each with the file that it comes from."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any, Literal

from react_agent.models.spending.prices import Prices
from react_agent.seams import REFUSED
from reporting.page.evolutionview import EvolutionView
from reporting.runs.runview import NOT_KNOWN, RunView, mapping

TaskOutcome = Literal["solved", "failed", "refused", "infrastructure", "not scored", "not run"]
BINS = 12
TOOLKIT = "trace2skill-toolkit"


def outcome_of(run: RunView, task: str) -> TaskOutcome:
    """What became of a task in a run; trouble that is not the agent's stands apart."""
    cases, verdict = run.cases_of.get(task, ()), run.verdicts.get(task)
    excused = run.evaluation.summary.infrastructure if run.evaluation else ()
    if any(case.owed for case in cases) or task in excused:
        return "infrastructure"
    if _refused(run, task) and not (verdict and verdict.success):
        return "refused"
    if verdict is None or verdict.error:
        return "not scored" if cases or verdict or task in run.verdicts else "not run"
    return "solved" if verdict.success else "failed"


def _refused(run: RunView, task: str) -> bool:
    return any(case.status == REFUSED for case in run.cases_of.get(task, ()))


def run_facts(run: RunView, name: str, prices: Prices) -> dict[str, Any]:
    """One run for the table of runs and the accuracy bars."""
    usage = run.usage
    return {
        "name": name,
        "path": str(run.path),
        "model": run.model,
        "agent": run.agent,
        "skill": " + ".join(filter(None, (run.skill, run.memory))),
        "seed": run.seed,
        "recorded": run.recorded,
        "cases": len(run.cases),
        "accuracy": accuracy(run),
        "types": types(run),
        "prompt_tokens": usage.prompt_tokens,
        "reply_tokens": usage.completion_tokens,
        "cost": prices.cost({run.model: usage}),
        "seconds": run.summary.get("elapsed_seconds"),
        "error_classes": failures(run),
        "conduct": {task: [str(one) for one in seen] for task, seen in run.conduct.items()},
        "skill_files": run.skill_files,
        "opened": {task: [[x.file, x.step] for x in seen] for task, seen in run.activation.items()},
        "statuses": dict(Counter(case.status for case in run.cases)),
        "made": made(run),
        "problems": [[problem.file, problem.reason] for problem in run.problems],
        "sources": {
            "settings": str(run.layout.settings),
            "cases": str(run.layout.lines),
            "time": str(run.layout.results),
            "verdicts": str(run.layout.verdicts),
        },
    }


def made(run: RunView) -> dict[str, str]:
    """When, with what and on what the run was made; of its last start, where there were several."""
    last = run.sessions[-1] if run.sessions else {}
    known = {
        "begun": last.get("started_at"),
        "version": mapping(run.environment.get("versions")).get(TOOLKIT),
        "data": run.environment.get("data_path"),
        "sandbox": run.settings.get("sandbox"),
        "harness": run.settings.get("harness"),
        "command": run.environment.get("command"),
    }
    return {name: str(value) for name, value in known.items() if value}


def accuracy(run: RunView) -> dict[str, Any] | None:
    """Share of all scored tasks with Wilson's 95 % interval; None for a run without verdicts."""
    if run.evaluation is None:
        return None
    # Counted, as a comparison does: the summary of a file of others may not fit its results.
    return _share(sum(verdict.success for verdict in run.verdicts.values()), len(run.verdicts))


def types(run: RunView) -> dict[str, dict[str, Any]]:
    """The same for each instruction type."""
    counts: dict[str, list[bool]] = {}
    for verdict in run.verdicts.values():
        counts.setdefault(verdict.instruction_type or "Unknown", []).append(verdict.success)
    return {kind: _share(sum(found), len(found)) for kind, found in sorted(counts.items())}


def failures(run: RunView) -> dict[str, int]:
    """The failed tasks by class, the largest first."""
    failed = (task for task in run.task_ids if outcome_of(run, task) == "failed")
    return dict(Counter(run.error_classes.get(t, NOT_KNOWN) for t in failed).most_common())


def _share(solved: int, total: int) -> dict[str, Any]:
    from reporting.comparing.statistics import wilson  # late: it brings scipy

    share = solved / total if total else None
    return {"solved": solved, "total": total, "share": share, **asdict(wilson(share or 0.0, total))}


def pairs(runs: Sequence[RunView], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Gained and lost tasks of any two runs, over the tasks that a comparison counts: what a
    filter refused is not among them, be its result right or wrong."""
    scored = [
        {
            t: o == "solved"
            for t in run.verdicts
            if (o := outcome_of(run, t)) in ("solved", "failed") and not _refused(run, t)
        }
        for run in runs
    ]
    for first, second in combinations(range(len(runs)), 2):
        common = [task for task in scored[first] if task in scored[second]]
        if not common:
            continue
        groups: dict[tuple[bool, bool], list[str]] = {}
        for task in common:
            groups.setdefault((scored[first][task], scored[second][task]), []).append(task)
        yield {
            "runs": [first, second],
            "names": [names[first], names[second]],
            "both": groups.get((True, True), []),
            "lost": groups.get((True, False), []),
            "gained": groups.get((False, True), []),
            "neither": groups.get((False, False), []),
        }


def funnel(runs: Sequence[RunView], evolution: EvolutionView | None) -> list[dict[str, Any]]:
    """From tasks to lines: the runs that were analysed, and the skill that came of them."""
    taught = [run for run in runs if run.records or run.analyses]
    steps: list[dict[str, Any]] = []
    if taught:
        outcomes = Counter(outcome_of(run, task) for run in taught for task in run.task_ids)
        verdicts = _files(run.layout.verdicts for run in taught)
        steps += [_step("tasks run", sum(outcomes.values()), _spelled(outcomes), verdicts)]
        steps += [_step("failures", outcomes["failed"], "tasks with a wrong result", verdicts)]
        steps += list(_lessons(taught))
    if evolution and evolution.provenance:
        steps += list(_evolved(evolution))
    return steps


def _lessons(taught: Sequence[RunView]) -> Iterator[dict[str, Any]]:
    failed = [a.case for run in taught for a in run.analyses if a.kind == "error"]
    files = _files(f for run in taught for kind, f in run.record_files.items() if kind == "error")
    count = sum(len(run.records.get("error", ())) for run in taught)
    lost = Counter(case.outcome for case in failed if case.outcome != "lesson")
    note = f"left out: {_spelled(lost)}" if lost else "failures whose diagnosis held"
    yield _step("gated lessons", count, note, files)
    solved = sum(len(run.records.get("success", ())) for run in taught)
    if solved:
        files = _files(
            f for run in taught for kind, f in run.record_files.items() if kind == "success"
        )
        yield _step("lessons of solved tasks", solved, "they need no gate", files)


def _evolved(evolution: EvolutionView) -> Iterator[dict[str, Any]]:
    assert evolution.provenance is not None
    nodes = evolution.provenance.nodes.values()
    proposed = [node for node in nodes if node.phase == "map"]
    patches = {node.patch for node in proposed}
    dropped = len(evolution.provenance.dropped)
    source = str(evolution.file)
    yield _step("patches", len(patches), f"with {len(proposed)} edits", source)
    lessons = len(evolution.provenance.lessons)
    note = f"{lessons} lessons, {dropped} edits dropped with a reason"
    yield _step("merged edits", len(evolution.edits), note, source)
    lines = {path: sum(bool(x.edit) for x in evolution.lines(path)) for path in evolution.files}
    written = {path: count for path, count in lines.items() if count}
    note = ", ".join(f"{count} in {path}" for path, count in written.items())
    yield _step("lines of the skill", sum(written.values()), note, str(evolution.skill.root))


def _step(label: str, count: int, note: str, source: str) -> dict[str, Any]:
    return {"label": label, "count": count, "note": note, "source": source}


def _spelled(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in Counter(counts).most_common())


def _files(paths: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, paths)))


def distributions(
    runs: Sequence[RunView], names: Sequence[str], prices: Prices
) -> Iterator[dict[str, Any]]:
    """Histograms over cases, with the same bins for all runs."""
    measures: dict[str, list[list[float]]] = {
        "turns": [[float(c.turns) for c in run.cases] for run in runs],
        "tokens": [[float(c.usage.tokens) for c in run.cases] for run in runs],
        "seconds": [[c.seconds for c in run.cases] for run in runs],
    }
    priced = [prices.find(run.model) for run in runs]
    if any(priced):
        measures["dollars"] = [
            [price.of(c.usage) for c in run.cases] if price else []
            for run, price in zip(runs, priced, strict=True)
        ]
    for name, values in measures.items():
        if any(values):
            yield _histogram(name, values, names)


def _histogram(
    name: str, values: Sequence[Sequence[float]], names: Sequence[str]
) -> dict[str, Any]:
    import numpy as np

    together = [number for numbers in values for number in numbers]
    step = _step_of(max(together) - min(together), whole=name == "turns")
    first = math.floor(min(together) / step)
    edges = [n * step for n in range(first, math.floor(max(together) / step) + 2)]
    single = name == "turns" and step == 1
    return {
        "name": name,
        "axis": name if single else f"{name}, from ... in steps of {step:,g}",
        "labels": [f"{edge:,.10g}" for edge in edges[:-1]],
        "counts": [[int(n) for n in np.histogram(numbers, edges)[0]] for numbers in values],
        "medians": [float(np.median(numbers)) if len(numbers) else None for numbers in values],
        "totals": [float(sum(numbers)) for numbers in values],
        "runs": list(names),
    }


def _step_of(span: float, *, whole: bool) -> float:
    """A round width of a bin: 1, 2 or 5 times a power of ten, about BINS of them over the span."""
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / BINS))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * BINS >= span)
    return max(1.0, step) if whole else step
