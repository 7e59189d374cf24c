"""Which case goes first: the one that took longest before, so that no long one is left for the end.

What a task takes repeats from run to run, and nothing else tells it before it starts. The order
decides no result.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from react_agent.configfile import read_records
from react_agent.layout import RESULT_LINES, seed_folders
from react_agent.runs.folder import CaseResult, Key

log = logging.getLogger(__name__)
T = TypeVar("T")


def earlier_results(output_dir: Path) -> list[CaseResult]:
    """Of one run, or of all seeds of several; none, with a warning, where there is no run.

    Raises ContractError for a file that is something else.
    """
    places = [folder / RESULT_LINES for folder in (output_dir, *seed_folders(output_dir))]
    if not any(path.is_file() for path in places):
        log.warning(
            "%s: holds no %s to order by; the data set's order it is", output_dir, RESULT_LINES
        )
    return [result for path in places for result in read_records(CaseResult, path)]


def seconds_taken(results: Iterable[CaseResult]) -> dict[Key, float]:
    """The mean of each case's runs, as far as the agent ended them."""
    taken: dict[Key, list[float]] = {}
    for result in results:
        if not result.owed:
            taken.setdefault(result.key, []).append(result.seconds)
    return {key: fmean(seconds) for key, seconds in taken.items()}


def longest_first(
    items: Sequence[T], key: Callable[[T], Key], taken: Mapping[Key, float]
) -> list[T]:
    """What nothing is known of goes first, in its own order: it may be the longest."""
    return sorted(items, key=lambda item: -taken.get(key(item), float("inf")))
