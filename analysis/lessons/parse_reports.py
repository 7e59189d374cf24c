"""The parse scripts: from a folder of reports to a record file, without asking any model."""

import argparse
from pathlib import Path
from typing import Literal

from react_agent.cli import OK, add_flag, add_logging_flag, script_parser
from react_agent.layout import record_file
from react_agent.text import say

LessonKind = Literal["error", "success"]


def build_parser(kind: LessonKind) -> argparse.ArgumentParser:
    parser = script_parser(
        f"Read the {kind} reports of an analysis folder into one record file. Reports without an "
        "item are copied to failed_to_parse/."
        + (" Only instances whose gate held give records." if kind == "error" else "")
    )
    add_flag(parser, "--input_dir", type=Path, required=True, help="--output_dir of the analysis")
    add_flag(parser, "--output", type=Path, help=f"default: <input_dir>/{record_file(kind)}")
    add_logging_flag(parser)
    return parser


def parse(args: argparse.Namespace, kind: LessonKind) -> int:
    """Raises ContractError when the folder does not exist or holds no report."""
    from analysis.lessons.parsing import parse_folder
    from analysis.lessons.records import save_records
    from react_agent.errors import ContractError

    parsed = parse_folder(args.input_dir, kind)
    if not parsed.reports:
        raise ContractError(f"{args.input_dir}: holds no {kind} report")
    output = args.output or args.input_dir / record_file(kind)
    save_records(output, parsed.records)
    say(parsed.table())
    say(f"records  {output}")
    return OK
