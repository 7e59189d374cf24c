"""ANLS as the official script of the task computes it."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

THRESHOLD = 0.5
"""Below it an answer counts nothing; at exactly 0.5 the official script keeps the half."""
LONGEST = 10_000
"""Characters of an answer that are looked at."""


def anls(golds: Sequence[str], given: str) -> float:
    """Of the gold that fits best. The distance ignores case and spaces, the length does not."""
    scores = [_similarity(gold, given[:LONGEST]) for gold in golds]
    best = max(scores, default=0.0)
    return best if best >= THRESHOLD else 0.0


def _similarity(gold: str, given: str) -> float:
    length = max(len(gold.upper()), len(given.upper()))
    return 1 - Levenshtein.distance(_folded(gold), _folded(given)) / length if length else 1.0


def _folded(text: str) -> str:
    return " ".join(text.strip().lower().split())
