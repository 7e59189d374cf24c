"""What an answer is worth by the official rules and by lenient ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    strict: bool
    """By the data set's official rules; this is the score."""
    relaxed: bool
    """Also where only the form differs: units, separators, order, rounding. Shown beside it."""
    why: str = ""
    """Empty for a strict pass."""
