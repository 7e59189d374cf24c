"""How far an evolution is: calls that ended of those planned, and the tokens of both starts."""

from collections.abc import Iterator
from contextlib import contextmanager

from react_agent.engines.progress import progress
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.tree import groups, levels


def planned(settings: EvolutionSettings, lessons: int) -> int:
    """MAP and merge calls; translations, repairs and a forced merge come on top."""
    batches = len(groups(range(lessons), settings.batch_size))
    if settings.sequential:
        return batches
    plan = levels(batches, settings.merge_batch_size, settings.max_merge_levels)
    return batches + sum(len(group) > 1 for level in plan for group in level)


@contextmanager
def shown(evolver: Evolver, lessons: int) -> Iterator[None]:
    """A bar while the block lasts, moved by the evolver."""
    total = planned(evolver.settings, lessons)
    tally = evolver.store.tally
    with progress(total=total, desc="evolution", unit="call") as bar:

        def ended() -> None:
            counts: dict[str, object] = dict(tally.calls)
            if kept := sum(tally.reused_calls.values()):
                counts["kept"] = kept
            if evolver.failures:
                counts["failed"] = len(evolver.failures)
            usage = tally.usage + tally.reused
            counts["tokens"] = f"{usage.prompt_tokens + usage.completion_tokens:,}"
            bar.total = max(bar.total or 0, bar.n + 1)
            bar.set_postfix(counts, refresh=False)
            bar.update()

        evolver.ended = ended
        yield
