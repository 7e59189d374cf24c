"""Triage: join verdicts with trajectory logs and mark each log as solved or failed.

python analyze_results.py --eval_results run/outputs/eval_official_results.json --log_dir run/logs
"""

from react_agent.flags import run_stage
from react_agent.runs.settings import Triage
from react_agent.text import say

ABOUT = (
    "Join verdicts with trajectory logs: print a summary and rename each log to "
    "..._SUCCEED or ..._FAILED. Runs that infrastructure or a content filter of the "
    "endpoint ended keep a plain name, logs that cannot be understood the name they have."
)
EXIT_CODES = "Exit codes: 0 done, 2 wrong input. Verdicts without a log are counted."


def analyze(settings: Triage) -> int:
    from react_agent.cli import OK
    from react_agent.files import write_whole
    from react_agent.runs.triage import as_csv, chosen, details, run, summary

    rows = run(settings)
    say(summary(rows))
    listed = chosen(rows, settings)
    if not settings.no_details and listed:
        say("\n" + details(listed))
    if settings.csv:
        write_whole(settings.csv, as_csv(listed))
    return OK


def main(argv: list[str] | None = None) -> int:
    return run_stage(analyze, Triage, argv, ABOUT, EXIT_CODES)
