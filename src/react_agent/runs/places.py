"""What one start works on: a run for each seed, and the closing table over all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from react_agent.model import Usage
from react_agent.runs.folder import RunFolder
from react_agent.text import one_line

SHOWN = 100
"""Characters of an error in the closing table."""


@dataclass(frozen=True)
class RunPlace:
    """Where one seed's run works and writes; goes along with each of its cases."""

    seed: int | None
    output_dir: Path
    working_dir: Path
    log_dir: Path
    header: Mapping[str, Any]
    """What results.json and every log say of the run: agent, model, seed."""


@dataclass
class Run:
    """One seed's run and its folder, which nobody else writes to."""

    place: RunPlace
    folder: RunFolder
    kept: int = 0
    """Cases that an earlier start has finished."""


@dataclass
class Session:
    """What one start has done, for the closing table."""

    runs: list[Run] = field(default_factory=list)
    tasks: Sequence[tuple[str, str]] = ()
    problems: dict[str, str] = field(default_factory=dict)
    owed: int = 0
    stopped: str = ""

    def table(self) -> str:
        lines = []
        for run in self.runs:
            cases = list(run.folder.results.values())
            usage = sum((case.usage for case in cases), Usage())
            counts = Counter(case.status for case in cases)
            bare = Counter(one_line(c.error, SHOWN) for c in cases if not c.success and c.error)
            header = run.place.header
            seed = "" if run.place.seed is None else f", seed {run.place.seed}"
            lines += [
                f"{header['agent_name']} on {header['model']}{seed}",
                f"  cases      {len(cases)} ({run.kept} kept from an earlier start)",
                f"  outputs    {sum(c.success for c in cases)}",
                *(f"  missing    {n} x {error}" for error, n in bare.most_common(3)),
                f"  ended      {', '.join(f'{n} {s}' for s, n in counts.most_common()) or 'none'}",
                f"  turns      {sum(c.turns for c in cases)}",
                f"  tokens     {usage.prompt_tokens:,} prompt, {usage.completion_tokens:,} reply",
                f"Results saved to: {run.folder.results_file}",
            ]
        if self.problems:
            first = next(iter(self.problems.values()))
            lines.append(f"  not run    {len(self.problems)} tasks cannot be laid out ({first})")
        if self.owed:
            results = (case for run in self.runs for case in run.folder.results.values())
            errors = Counter(case.error for case in results if case.owed and case.error)
            reason = self.stopped or next((error for error, _ in errors.most_common(1)), "")
            why = f": {reason}" if reason else ""
            lines.append(
                f"  still owed {self.owed} cases{why}; run the same command again to go on"
            )
        return "\n".join(lines)
