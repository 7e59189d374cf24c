"""Trajectories, verdicts, lessons and edits for pandas, data-set hubs and other tools.

trace2skill export outputs/base --to exported
"""

from react_agent.cli import OK, complain
from react_agent.flags import run_stage
from react_agent.text import say
from reporting.exporting.settings import Export

ABOUT = "Write runs as JSON lines, Parquet and ATIF; docs/export.md says what the fields mean."
EPILOG = "Exit codes: 0 written (files that could not be used are named), 2 wrong input."


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Export, argv, ABOUT, EPILOG)


def _run(settings: Export) -> int:
    from reporting.exporting.stage import export

    done = export(settings)
    rows = ", ".join(f"{number} {name}" for name, number in done.rows.items())
    say(f"{rows}: {len(done.files)} files in {settings.to}")
    for problem in done.problems:
        complain(f"warning: {problem.file}: {problem.reason}")
    return OK
