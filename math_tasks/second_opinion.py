"""What math-verify says of answers: a second column, and a list of where it differs.

It stops itself by an alarm signal, which only the main thread of a process can have, and its
parsers can take long on hostile text: so it runs in worker processes with limits.
"""

import logging

from react_agent.engines.workers import WorkLimits

LIMITS = WorkLimits(seconds=60, memory_mb=1024)
"""The first answer of a process waits for sympy, some seconds on a busy machine."""
SEEN = 20_000
"""Characters of a reply, from its end."""


def available() -> bool:
    from importlib.util import find_spec

    return find_spec("math_verify") is not None


def opinion(pair: tuple[str, str]) -> bool | None:
    """For a worker: without limits of its own."""
    from math_verify import parse, verify

    # It warns of every call that the limit of time is ours.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    gold, reply = pair[0], pair[1][-SEEN:]
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
