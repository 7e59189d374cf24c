"""The arithmetic of a comparison: sides over the same tasks in, standings and pairs out."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from reporting.comparing import statistics as st
from reporting.comparing.comparison import (
    ONE_RUN,
    RECORDED,
    RULE,
    SHIFTED,
    Change,
    ClassRow,
    Compared,
    Infrastructure,
    Interval,
    Measured,
    Pair,
    Standing,
    TypeRow,
)
from reporting.comparing.entrants import Entrant, settings_apart
from reporting.comparing.reading import reading
from reporting.runs.runview import NOT_KNOWN


def compare(
    entrants: Sequence[Entrant],
    *,
    infrastructure: Infrastructure = "leave-out",
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Compared:
    """`entrants` are over the same tasks; the first is the baseline. `seed` is the bootstrap's."""
    sides = [(entrants[0], other) for other in entrants[1:]]
    return Compared(
        mark=RECORDED if any(entrant.recorded for entrant in entrants) else "",
        rule=RULE,
        infrastructure=infrastructure,
        notes=tuple(notes),
        standings=tuple(standing_of(entrant) for entrant in entrants),
        pairs=paired(sides, infrastructure=infrastructure, seed=seed),
    )


def paired(
    sides: Sequence[tuple[Entrant, Entrant]],
    *,
    infrastructure: Infrastructure = "leave-out",
    seed: int = 0,
) -> tuple[Pair, ...]:
    """Each second side against its first, over the same tasks; Holm's correction over all."""
    tests = [_Test(first, other, infrastructure) for first, other in sides]
    adjusted = st.holm([test.p for test in tests])
    return tuple(_pair(test, p, len(tests), seed) for test, p in zip(tests, adjusted, strict=True))


def standing_of(entrant: Entrant) -> Standing:
    means = [entrant.passed(task) for task in entrant.tasks]
    softs = [soft for task in entrant.tasks if (soft := entrant.soft(task)) is not None]
    per_seed = [fmean(run.passed(task) for task in entrant.tasks) for run in entrant.runs]
    view = entrant.first.view
    return Standing(
        letter=entrant.letter,
        path=entrant.path,
        agent=view.harness or view.agent,
        model=view.model,
        skill=view.skill,
        memory=view.memory,
        seeds=tuple(seed for seed in entrant.seeds if seed),
        runs=len(entrant.runs),
        rules=entrant.first.rules,
        tasks=len(means),
        accuracy=fmean(means),
        interval=st.wilson_clustered(means, len(entrant.runs)),
        soft=fmean(softs) if softs else None,
        accuracy_per_seed=tuple(per_seed),
        spread=st.spread(per_seed),
        seeds_differ_p=_seeds_differ(entrant),
        infrastructure=tuple(sorted(entrant.infrastructure)),
        refused=tuple(sorted(entrant.refused)),
        conduct=entrant.conduct,
        reading=reading(entrant),
        unscored=len(means) - len(softs),
        recorded=entrant.recorded,
        files=entrant.files,
    )


class _Test:
    """One side against the first over the tasks that count: differences and the p value."""

    def __init__(self, first: Entrant, other: Entrant, infrastructure: Infrastructure) -> None:
        self.first, self.other = first, other
        ended = (first.excused | other.excused) & {*first.tasks}
        self.left_out = tuple(sorted(ended)) if infrastructure == "leave-out" else ()
        gone = {*self.left_out}
        self.tasks = tuple(task for task in first.tasks if task not in gone)
        self.single = len(first.runs) == len(other.runs) == 1
        self.differences = [other.passed(task) - first.passed(task) for task in self.tasks]
        self.p = self.p_of(self.differences)

    def p_of(self, differences: Sequence[float]) -> float:
        if self.single:
            return st.mcnemar_exact(
                sum(value > 0 for value in differences), sum(value < 0 for value in differences)
            )
        return st.sign_flip(differences)

    def measured(self, tasks: Sequence[str], seed: int, p: float | None = None) -> Measured:
        """`p` where it is known already, as it may take long."""
        sides = [(self.first.passed(task), self.other.passed(task)) for task in tasks]
        known = self.p_of([two - one for one, two in sides]) if p is None else p
        return _measured(sides, known, seed)

    def changes(self, sign: int) -> tuple[Change, ...]:
        return tuple(
            Change(
                id=task,
                instruction_type=self.first.kind(task),
                before=self.first.passed(task),
                after=self.other.passed(task),
            )
            for task, difference in zip(self.tasks, self.differences, strict=True)
            if difference * sign > 0
        )


def _pair(test: _Test, p_adjusted: float, pairs: int, seed: int) -> Pair:
    first, other, tasks = test.first, test.other, test.tasks
    measured = test.measured(tasks, seed, test.p)
    gained, lost = test.changes(+1), test.changes(-1)
    detectable, method = _detectable(test, len(gained) + len(lost), pairs)
    return Pair(
        baseline=first.letter,
        letter=other.letter,
        verdict=st.decide(measured.difference, p_adjusted, measured.interval),
        **dict(measured),
        left_out=test.left_out,
        score_interval=_score_interval(test, len(gained), len(lost)) if test.single else None,
        test="exact McNemar" if test.single else "exact sign-flip over tasks",
        p_adjusted=p_adjusted,
        discordant=(len(gained) + len(lost)) / len(tasks) if tasks else 0.0,
        gained=gained,
        lost=lost,
        detectable=detectable,
        detectable_method=method,
        soft=_soft(test, seed),
        types=_types(test, seed),
        classes=_classes(test),
        settings_apart=settings_apart(first, other),
        recorded=first.recorded or other.recorded,
        notes=tuple(_notes(test, bool(gained or lost))),
        files=(*first.files, *other.files),
    )


def _seeds_differ(entrant: Entrant) -> float | None:
    if len(entrant.runs) == 1:
        return None
    tasks = [task for task in entrant.tasks if task not in entrant.excused]
    return st.cochran_q([[run.passed(task) for task in tasks] for run in entrant.runs])


def _notes(test: _Test, changed: bool) -> list[str]:
    notes = [ONE_RUN] if test.single else []
    if len(test.first.runs) != len(test.other.runs):
        notes.append("unlike numbers of seeds: the sign-flip test holds approximately")
    for side in (test.first, test.other):
        p = _seeds_differ(side)
        if p is not None and p < st.ALPHA:
            notes.append(SHIFTED.format(side.letter, p))
    if not changed:
        notes.append("no task changed: the bootstrap has no width to go by")
    if not test.tasks:
        notes.append("no task is left to compare")
    return notes


def _score_interval(test: _Test, gained: int, lost: int) -> Interval:
    both = sum(test.first.passed(task) and test.other.passed(task) for task in test.tasks)
    neither = len(test.tasks) - int(both) - gained - lost
    return st.newcombe_paired(int(both), lost, gained, neither)


def _detectable(test: _Test, changed: int, pairs: int) -> tuple[float | None, str]:
    alpha = st.ALPHA / pairs
    what = f"80 % power, two-sided alpha {alpha:.3g}"
    if test.single:
        share = changed / len(test.tasks) if test.tasks else 0.0
        found = st.detectable_exact(len(test.tasks), share, alpha=alpha)
        return found, f"exact McNemar, {what}, share of changing tasks as seen"
    found = st.detectable_normal(test.differences, alpha=alpha)
    return found, f"normal approximation, {what}, spread of the tasks' differences as seen"


def _soft(test: _Test, seed: int) -> Measured | None:
    sides = [(test.first.soft(task), test.other.soft(task)) for task in test.tasks]
    both = [(one, two) for one, two in sides if one is not None and two is not None]
    if not both:
        return None
    return _measured(both, st.sign_flip([two - one for one, two in both]), seed)


def _types(test: _Test, seed: int) -> tuple[TypeRow, ...]:
    rows = []
    for kind in sorted({test.first.kind(task) for task in test.tasks}):
        tasks = [task for task in test.tasks if test.first.kind(task) == kind]
        rows.append(TypeRow(instruction_type=kind, **dict(test.measured(tasks, seed))))
    return tuple(rows)


def _classes(test: _Test) -> tuple[ClassRow, ...]:
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    shares: dict[str, float] = {}
    for count, entrant in zip(counts, (test.first, test.other), strict=True):
        for run in entrant.runs:
            for task in (task for task in test.tasks if not run.passed(task)):
                name = run.view.error_classes.get(task, NOT_KNOWN)
                count[name] += 1
                if entrant is test.first:
                    shares[name] = shares.get(name, 0.0) + test.other.passed(task)
    names = sorted({*counts[0], *counts[1]}, key=lambda name: (-counts[0][name], name))
    return tuple(
        ClassRow(
            error_class=name,
            before=counts[0][name],
            after=counts[1][name],
            solved=shares.get(name, 0.0),
        )
        for name in names
    )


def _measured(sides: Sequence[tuple[float, float]], p: float, seed: int) -> Measured:
    """`sides`: before and after, for each task."""
    values = [two - one for one, two in sides]
    return Measured(
        tasks=len(sides),
        before=fmean(one for one, _ in sides) if sides else 0.0,
        after=fmean(two for _, two in sides) if sides else 0.0,
        difference=fmean(values) if sides else 0.0,
        interval=st.bootstrap_mean(values, seed=seed) if sides else Interval(-1, 1),
        p=p,
    )
