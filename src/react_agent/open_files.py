"""How many files this process may hold open: a case in flight holds several."""

import logging
import resource

log = logging.getLogger(__name__)

EACH = 8
"""Handles of a case in flight: its file system (3), its command's pipes, its connection."""
BESIDES = 256
"""Of everything else, workers and databases among it."""


def allow_for(in_flight: int) -> None:
    """Raise the limit as far as so many cases need it; many systems begin at 1024 and allow more.

    Where they do not, a warning says so: what finds no handle left fails, and is owed.
    """
    wanted = BESIDES + EACH * in_flight
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if missing := shortage(in_flight):
        log.warning("%s: %s", *missing, extra={"once": True})


def shortage(in_flight: int) -> tuple[str, str] | None:
    """What is missing for so many cases however far the limit is raised, and what to do."""
    wanted, hard = BESIDES + EACH * in_flight, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return None
    most = max(1, (hard - BESIDES) // EACH)
    says = f"{in_flight} cases in flight need about {wanted} open files, and this system allows"
    return f"{says} {hard}", f"raise its limit (ulimit -Hn) or take at most {most} workers"
