"""What the analysis scripts share: flags, settings of a run, and the closing lines."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from react_agent.cli import (
    INCOMPLETE,
    OK,
    add_executor_flags,
    add_flag,
    add_logging_flag,
    add_model_flags,
    comma_list,
    positive,
)
from react_agent.layout import CASE_FILE, report_prefix
from react_agent.text import say

if TYPE_CHECKING:
    from analysis.lessons.outcomes import Summary

EXIT_CODES = (
    "Exit codes: 0 all done, 1 cases are still owed (run it again), 2 wrong input, 130 interrupted."
)


def add_selection_flags(parser: argparse.ArgumentParser, output_dir: str) -> None:
    add_flag(parser, "--logs_dir", type=Path, required=True, help="trajectory logs with verdicts")
    add_flag(parser, "--output_dir", type=Path, default=Path(output_dir), help="report folder")
    add_flag(
        parser, "--instance_ids", type=comma_list, default=[], help="only these, comma separated"
    )
    add_flag(parser, "--sample", type=positive, help="draw this many of the chosen runs")
    add_flag(
        parser,
        "--repeat",
        type=positive,
        default=1,
        help="above 1: so many seed_* folders together",
    )
    add_flag(parser, "--seed", type=int, help="sent with each request; also draws --sample")
    parser.add_argument(
        "--overwrite", action="store_true", help="forget earlier analyses in --output_dir"
    )


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    add_executor_flags(parser)
    add_model_flags(parser, model=None, temperature=None)
    add_logging_flag(parser)


def described(connection: Any) -> tuple[dict[str, Any], str | None]:
    """The model's settings, and its address: a server that moved is still the same model."""
    settings = dict(connection.describe())
    return settings, settings.pop("endpoint", None)


def run_masks(logs_dir: Path) -> dict[str, str]:
    """Logs speak of the folders of their run; on a cassette these may lie anywhere."""
    return {"<run>": str(logs_dir.resolve().parent)}


def prompts_digest() -> str:
    """Changes whenever a prompt of the analysts changes."""
    from analysis.analysts.asking import PROMPTS
    from react_agent.files import digest

    return digest(*(part for pair in sorted(PROMPTS.sources().items()) for part in pair))


def forget(output_dir: Path) -> None:
    """Remove what an earlier analysis left, for `--overwrite`."""
    import shutil

    for case in output_dir.glob(f"*/{CASE_FILE}"):
        shutil.rmtree(case.parent)
    for prefix in map(report_prefix, ("error", "success")):
        for path in [*output_dir.glob(f"{prefix}*.md"), *output_dir.glob(f"{prefix}*.json")]:
            path.unlink()


def finish(summary: "Summary", output_dir: Path, parsed_output: Path) -> int:
    """Print where things are; the exit code says whether anything is still to be done."""
    say(summary.table())
    say(f"reports  {output_dir}\nrecords  {parsed_output}")
    if summary.owed:
        first = summary.owed[0]
        say(
            f"{len(summary.owed)} cases are still owed (such as {first['instance']}: "
            f"{first['reason']}); run the same command again to go on"
        )
        return INCOMPLETE
    return OK


def run_settings(stage: str, model: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"stage": stage, "prompts": prompts_digest(), "model": dict(model), **more}
