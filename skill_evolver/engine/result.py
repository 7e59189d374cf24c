"""What an evolution gives back. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from react_agent.cli import INCOMPLETE, OK

if TYPE_CHECKING:
    from skill_evolver.lineage.grouping import Lesson

NOT_WRITTEN = 3
"""Exit code: the evolved skill broke a rule, or nothing but flagged edits came."""


@dataclass(frozen=True)
class EvolutionResult:
    skill: Path
    """The skill's folder."""
    written: bool = False
    changed: tuple[str, ...] = ()
    """The files in which the evolved skill differs from its start, written or not."""
    lessons: "tuple[Lesson, ...]" = ()
    diff: str = ""
    """Unified, over all files."""
    problems: tuple[str, ...] = ()
    """Why the skill was not written, although it would have changed."""
    owed: tuple[str, ...] = ()
    """Calls without a usable reply, when nothing was learnt for want of them."""
    summary: Mapping[str, Any] | None = None
    """Every count, as `evolution_summary.json` has them."""
    text: str = ""
    """The summary as a script prints it."""

    @property
    def code(self) -> int:
        """The exit code of a script."""
        if self.problems:
            return NOT_WRITTEN
        return INCOMPLETE if self.owed else OK
