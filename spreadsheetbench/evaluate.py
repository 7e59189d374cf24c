"""The script that scores a run's outputs, by the rules of the released scorer or by others."""

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from spreadsheetbench.scoring.settings import Scoring

ABOUT = "Score the outputs of a run against the gold workbooks."
EPILOG = """A result file holds the released scorer's fields with its values, and ours beside them.
Exit codes: 0 scored, whatever the scores; 2 a file, folder or flag is wrong; 130 interrupted."""


async def evaluate(settings: Scoring) -> int:
    # Here and not above: reading workbooks takes more imports than --help has time for.
    import logging

    from react_agent.runs.verdict_text import repeat_lines, summary_lines, task_lines
    from spreadsheetbench.scoring.stage import run

    scored = await run(settings)
    verbose = logging.getLogger().isEnabledFor(logging.INFO)
    for folder, evaluation in scored.evaluations.items():
        lines = task_lines(evaluation) if verbose else []
        closing = f"Results saved to: {scored.files[folder]}"
        say("\n".join([*lines, *summary_lines(evaluation, str(folder)), closing]))
    if scored.combined:
        lines = repeat_lines(scored.combined, settings.repeat)
        say("\n".join([*lines, f"Results saved to: {scored.results_file}"]))
    return OK


def main(argv: list[str] | None = None) -> int:
    return run_stage(evaluate, Scoring, argv, ABOUT, EPILOG)
