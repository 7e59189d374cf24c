"""The sides of a comparison: a run, or several seeds of one, and whether they may be compared."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean

from react_agent.configfile import differences
from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import VERDICTS, seed_folders, seed_of
from react_agent.runs.verdicts import Evaluation, TaskVerdict
from react_agent.seams import NOT_THE_AGENT, REFUSED
from reporting.runs.runview import RunView, load_runs, mapping


@dataclass(frozen=True)
class Scored:
    """One run with its verdicts, read by `rules`."""

    view: RunView
    evaluation: Evaluation
    rules: str

    @property
    def verdicts(self) -> Mapping[str, TaskVerdict]:
        return self.view.verdicts

    def passed(self, task: str) -> bool:
        verdict = self.verdicts[task]
        if self.rules == self.evaluation.summary.rules:
            return verdict.success
        return verdict.success_by(self.rules)

    def soft(self, task: str) -> float | None:
        """The mean worth of its test cases; None where there was nothing to score by. Of other
        rules than the file's own it is only known whether a case passes."""
        verdict = self.verdicts[task]
        if verdict.error or not verdict.test_cases:
            return verdict.soft_score
        own = self.rules == self.evaluation.summary.rules
        return fmean(
            case.worth if own else float(case.passed_by_rules.get(self.rules, False))
            for case in verdict.test_cases
        )

    @cached_property
    def infrastructure(self) -> frozenset[str]:
        """Tasks that ended by no doing of the agent's, by the verdicts or the run's own lines."""
        ended = (case.id for case in self.view.cases if case.status in NOT_THE_AGENT)
        return frozenset({*self.evaluation.summary.infrastructure, *ended} & {*self.verdicts})

    @cached_property
    def refused(self) -> frozenset[str]:
        """Tasks that a content filter of the endpoint ended."""
        ended = (case.id for case in self.view.cases if case.status == REFUSED)
        return frozenset({*self.evaluation.summary.refused, *ended} & {*self.verdicts})

    @property
    def files(self) -> tuple[str, ...]:
        layout = self.view.layout
        beside = [file for file in (layout.settings, layout.lines) if file.exists()]
        return tuple(map(str, [layout.verdicts, *beside]))


@dataclass(frozen=True)
class Entrant:
    """One side: all its runs differ in the seed alone."""

    letter: str
    path: str
    """As the user named it."""
    runs: tuple[Scored, ...]
    tasks: tuple[str, ...]
    """What is compared, in the order of the verdicts."""

    @property
    def first(self) -> Scored:
        return self.runs[0]

    @property
    def recorded(self) -> bool:
        return any(run.view.recorded for run in self.runs)

    @property
    def seeds(self) -> tuple[str, ...]:
        return tuple(
            str(run.view.seed) if run.view.seed is not None else seed_of(run.view.layout.outputs)
            for run in self.runs
        )

    @property
    def infrastructure(self) -> frozenset[str]:
        return frozenset().union(*(run.infrastructure for run in self.runs)) & {*self.tasks}

    @property
    def refused(self) -> frozenset[str]:
        return frozenset().union(*(run.refused for run in self.runs)) & {*self.tasks}

    @property
    def excused(self) -> frozenset[str]:
        """What says nothing of the agent."""
        return self.infrastructure | self.refused

    @property
    def conduct(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for run in self.runs:
            for task, seen in run.view.conduct.items():
                if task in self.tasks:
                    found[task] = (*found.get(task, ()), *map(str, seen))
        return found

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file for run in self.runs for file in run.files)

    def passed(self, task: str) -> float:
        """The share of seeds that solve the task."""
        return sum(run.passed(task) for run in self.runs) / len(self.runs)

    def soft(self, task: str) -> float | None:
        scores = [score for run in self.runs if (score := run.soft(task)) is not None]
        return fmean(scores) if len(scores) == len(self.runs) else None

    def kind(self, task: str) -> str:
        return self.first.verdicts[task].instruction_type or "Unknown"


def load_entrants(paths: Sequence[Path], *, common: bool) -> tuple[list[Entrant], list[str]]:
    """The sides, lettered, over the same tasks; and what was left out to make them so.

    Raises ContractError for a run without verdicts, and, unless `common`, for runs on other
    tasks, data or rules.
    """
    entrants = [load_entrant(_letter(number), path) for number, path in enumerate(paths)]
    obstacles = _obstacles(entrants)
    if obstacles and not common:
        raise ContractError(
            "these runs cannot be compared as they are; --common takes the common part:\n"
            + "\n".join(f"  {line}" for line in obstacles)
        )
    entrants = [_by_rules(entrant, entrants[0].first.rules) for entrant in entrants]
    runs = [run for entrant in entrants for run in entrant.runs]
    changed = _changed_inputs(runs)
    shared = [
        task
        for task in entrants[0].first.verdicts
        if task not in changed and all(task in run.verdicts for run in runs)
    ]
    if not shared:
        raise ContractError(f"no task is common to {', '.join(map(str, paths))}")
    notes = [f"{line}; the common part is compared" for line in obstacles]
    if changed:
        notes.append(f"{len(changed)} tasks had other inputs and are left out: {_names(changed)}")
    return [replace(entrant, tasks=tuple(shared)) for entrant in entrants], notes


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"R{number + 1}"


def settings_apart(one: Entrant, two: Entrant) -> tuple[str, ...]:
    """One line for each setting that differs, seeds included; says so where it is not known."""
    for entrant in (one, two):
        if not entrant.first.view.settings:
            return (f"settings not known: {entrant.path} has no run.json",)
    lines = _differences(one.first, two.first)
    if one.seeds != two.seeds:
        lines.append(f"seed: {', '.join(one.seeds)} -> {', '.join(two.seeds)}")
    return tuple(lines)


def _differences(one: Scored, two: Scored) -> list[str]:
    lines = differences(dict(one.view.settings), dict(two.view.settings))
    # A digest says no more than its first characters do.
    short = (re.sub(r"'?([0-9a-f]{10})[0-9a-f]{54}'?", r"\1...", line) for line in lines)
    return [line for line in short if not line.startswith("seed:")]


def load_entrant(letter: str, path: Path) -> Entrant:
    """Raises ContractError for a run without verdicts, and for seeds that are of unlike runs."""
    runs = tuple(_scored(view) for view in _views(path))
    for run in runs[1:]:
        if lines := _differences(runs[0], run):
            raise ContractError(
                f"{path}: {run.view.path} and {runs[0].view.path} are no seeds of one run:\n"
                + "\n".join(f"  {line}" for line in lines)
            )
        if run.evaluation.summary.rules != runs[0].evaluation.summary.rules:
            raise ContractError(f"{path}: its seeds were scored by different rules")
    return Entrant(letter, str(path), runs, tuple(runs[0].verdicts))


def _views(path: Path) -> list[RunView]:
    """A verdict file is taken as it stands, unless it is the one over several seeds."""
    if not path.is_file():
        return load_runs(path)
    value = read_json(path)
    if mapping(value).get("kind") != "repeated":
        return [RunView.load(path)]
    files = [seed / VERDICTS for seed in seed_folders(path.parent)]
    seeds = [file for file in files if file.exists()]
    if not seeds:
        raise ContractError(f"{path}: is over several seeds, and no seed_* folder lies beside it")
    return [RunView.load(seed) for seed in seeds]


def _scored(view: RunView) -> Scored:
    evaluation = view.evaluation
    if evaluation is None:
        file = view.layout.verdicts
        reasons = [p.reason for p in view.problems if p.file == str(file)]
        why = reasons[0] if reasons else "no verdicts"
        raise ContractError(f"{file}: {why}; run `trace2skill evaluate` first")
    if not evaluation.results:
        raise ContractError(f"{view.layout.verdicts}: holds no verdict")
    return Scored(view, evaluation, evaluation.summary.rules)


def _obstacles(entrants: Sequence[Entrant]) -> list[str]:
    """Why the sides are not on a par; each seed counts, also of one side."""
    lines = []
    first = entrants[0].first
    for entrant in entrants:
        for run in entrant.runs:
            here = f"{run.view.layout.verdicts} and {first.view.layout.verdicts}"
            apart = {*run.verdicts} ^ {*first.verdicts}
            if apart:
                lines.append(f"tasks: {len(apart)} only in one of {here} ({_names(apart)})")
            if run.evaluation.summary.rules != first.evaluation.summary.rules:
                lines.append(
                    f"rules: {run.evaluation.summary.rules} in {run.view.layout.verdicts}, "
                    f"{first.evaluation.summary.rules} in {first.view.layout.verdicts}"
                )
            data = run.view.settings.get("dataset"), first.view.settings.get("dataset")
            if all(data) and data[0] != data[1]:
                lines.append(f"data sets: {here} were run on different ones")
    if not lines and (changed := _changed_inputs([r for e in entrants for r in e.runs])):
        lines.append(f"data sets: {len(changed)} tasks had other inputs ({_names(changed)})")
    return lines


def _by_rules(entrant: Entrant, rules: str) -> Entrant:
    for run in entrant.runs:
        cases = [case for verdict in run.evaluation.results for case in verdict.test_cases]
        known = all(rules in case.passed_by_rules for case in cases)
        if run.rules != rules and not known:
            raise ContractError(
                f"{run.view.layout.verdicts}: holds no verdicts by the rules {rules!r}; "
                f"score it again with --rules {rules}"
            )
    return replace(entrant, runs=tuple(replace(run, rules=rules) for run in entrant.runs))


def _changed_inputs(runs: Sequence[Scored]) -> set[str]:
    """Tasks whose agents were given other records or inputs, as far as the runs noted it."""
    seen: dict[tuple[str, str], str] = {}
    changed = set()
    for run in runs:
        for case in run.view.cases:
            noted = case.fingerprint
            if noted and seen.setdefault(case.key, noted) != noted:
                changed.add(case.id)
    return changed


def _names(tasks: Sequence[str] | set[str] | frozenset[str]) -> str:
    names = sorted(tasks)
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
