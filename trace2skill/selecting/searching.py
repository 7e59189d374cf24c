"""Two searches over subsets of lessons; each asks for the score of a subset, and knows no more."""

import random
import warnings
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from typing import Any

from react_agent.errors import ContractError

Subset = frozenset[str]
Score = Callable[[Subset], Awaitable[float]]
"""The same for the same subset, without another trial."""

RANDOM = 5
"""Subsets that the estimator begins with besides none, each alone, and all."""
BATCH = 8
"""New subsets in one round."""
POOL = 500
"""Subsets that the estimator draws before it proposes one."""
PATIENCE = 3
"""Rounds without a gain after which it ends."""


async def greedy(score: Score, lessons: Sequence[str], passes: int) -> None:
    """From none on, the most supported first: a lesson that makes it better is taken, and then
    each other one is tried without. `lessons` are by support."""
    chosen: Subset = frozenset()
    best = await score(chosen)
    for _ in range(passes):
        before = chosen
        for lesson in lessons:
            if lesson in chosen or (found := await score(chosen | {lesson})) <= best:
                continue
            chosen, best = chosen | {lesson}, found
            for other in lessons:
                if other in chosen - {lesson} and (found := await score(chosen - {other})) > best:
                    chosen, best = chosen - {other}, found
        if chosen == before:
            return


async def estimator(score: Score, lessons: Sequence[str], passes: int, seed: int) -> None:
    """Each lesson in or out, proposed by optuna's TPE from the scores so far."""
    study, choices = _study(lessons, seed)
    best, tried = -1.0, set[Subset]()

    async def told(subset: Subset) -> None:
        study.enqueue_trial({lesson: lesson in subset for lesson in lessons})
        study.tell(study.ask(choices), await score(subset))
        tried.add(subset)

    for subset in _designs(lessons, seed):
        await told(subset)
    idle = 0
    for _ in range(passes):
        best, fresh = study.best_value, 0
        for _ in range(BATCH * BATCH):
            if fresh == BATCH or len(tried) == 2 ** len(lessons):
                break
            trial = study.ask(choices)
            subset = frozenset(lesson for lesson in lessons if trial.params[lesson])
            study.tell(trial, await score(subset))
            fresh += subset not in tried
            tried.add(subset)
        idle = 0 if study.best_value > best else idle + 1
        if idle == PATIENCE or not fresh:
            return


def _designs(lessons: Sequence[str], seed: int) -> list[Subset]:
    """None, each alone, some at random, all; each once."""
    chance = random.Random(seed)
    drawn = [frozenset(one for one in lessons if chance.random() < 0.5) for _ in range(RANDOM)]
    alone = [frozenset({lesson}) for lesson in lessons]
    return list(dict.fromkeys([frozenset[str](), *alone, *drawn, frozenset(lessons)]))


def check_installed() -> None:
    """Raises ContractError where the estimator cannot be had."""
    if find_spec("optuna") is None:
        raise ContractError(
            "--method estimator needs optuna: pip install 'trace2skill-toolkit[select]', or take "
            "--method greedy"
        )


def _study(lessons: Sequence[str], seed: int) -> tuple[Any, dict[str, Any]]:
    import optuna  # late: an extra, and a second of imports

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=0, n_ei_candidates=POOL, multivariate=True
        )
    in_or_out = optuna.distributions.CategoricalDistribution([False, True])
    study = optuna.create_study(direction="maximize", sampler=sampler)
    return study, dict.fromkeys(lessons, in_or_out)
