"""One row of faults.py: what was tried, what went wrong, and what had to be reached."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """How much to try; everything random in a row is drawn from the seed."""

    seed: int = 0
    reduced: bool = False
    """A smaller form for CI: fewer kills and cases, but every kind of fault once."""


@dataclass(frozen=True)
class Row:
    what: str
    tried: int
    wrong: Sequence[str] = ()
    """One line for each that went wrong: which, and how."""
    reach: str = "0"
    figure: str = ""
    """What was measured, where it is no count of `wrong`; for example `3.1 s`."""
    skipped: str = ""
    """Why this machine could not try it; such a row is not reached."""

    @property
    def reached(self) -> bool:
        return not self.wrong and not self.skipped

    @property
    def cells(self) -> list[object]:
        if self.skipped:
            return [self.what, self.tried, "-", self.reach, f"not tried: {self.skipped}"]
        verdict = "yes" if self.reached else "NO"
        return [self.what, self.tried, self.figure or len(self.wrong), self.reach, verdict]
