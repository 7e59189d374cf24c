"""What math-verify says of answers: a second column, and a list of where it differs.

It stops itself by an alarm signal, which only the main thread of a process can have, and its
parsers can take long on hostile text: so it runs in worker processes with limits.
"""

from collections.abc import Sequence

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits

LIMITS = WorkLimits(seconds=20, memory_mb=1024)
SEEN = 20_000
"""Characters of a reply, from its end."""


def available() -> bool:
    from importlib.util import find_spec

    return find_spec("math_verify") is not None


def opinions(
    pairs: Sequence[tuple[str, str]], limits: WorkLimits = LIMITS, workers: int | None = None
) -> list[bool | None]:
    """Of pairs of gold and reply; None where the worker was lost over one."""
    if not pairs:
        return []
    with Workers(workers, limits) as pool:
        found = pool.map(opinion, [(gold, reply[-SEEN:]) for gold, reply in pairs])
    return [None if isinstance(one, WorkerLost) else one for one in found]


def opinion(pair: tuple[str, str]) -> bool | None:
    """For a worker: without limits of its own."""
    from math_verify import parse, verify

    gold, reply = pair
    try:
        # Directional: what is right comes first.
        return bool(
            verify(
                parse(f"${gold}$", parsing_timeout=None),
                parse(reply, parsing_timeout=None),
                timeout_seconds=None,
            )
        )
    except MemoryError:
        raise
    except Exception:  # it raises whatever its parsers raise on odd text, which is no opinion
        return None
