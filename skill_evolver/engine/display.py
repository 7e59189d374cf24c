"""How far an evolution is: calls that ended of those planned, and the tokens of both starts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from react_agent.engines.progress import progress
from skill_evolver.engine.inputs import LessonEntry
from skill_evolver.engine.map_reduce import Evolver


def planned(evolver: Evolver, entries: Sequence[LessonEntry]) -> int:
    """MAP and merge calls; translations, repairs and a forced merge come on top."""
    batches = len(evolver.batches(entries))
    if evolver.settings.sequential:
        return batches
    return batches + sum(len(group) > 1 for level in evolver.plan(entries) for group in level)


@contextmanager
def shown(evolver: Evolver, entries: Sequence[LessonEntry]) -> Iterator[None]:
    """A bar while the block lasts, moved by the evolver."""
    total = planned(evolver, entries)
    tally = evolver.store.tally
    with progress(total=total, desc="evolution", unit="call") as bar:

        def ended() -> None:
            counts: dict[str, object] = dict(tally.calls)
            if kept := sum(tally.reused_calls.values()):
                counts["kept"] = kept
            if evolver.failures:
                counts["failed"] = len(evolver.failures)
            usage = tally.usage + tally.reused
            counts["tokens"] = f"{usage.tokens:,}"
            bar.total = max(bar.total or 0, bar.n + 1)
            bar.set_postfix(counts, refresh=False)
            bar.update()

        evolver.ended = ended
        yield
