"""The parse scripts: from a folder of reports to a record file, without asking any model."""

import argparse
import json
import sys
from pathlib import Path
from typing import Literal

from react_agent.cli import OK, add_flag, add_logging_flag, script_parser

LessonKind = Literal["error", "success"]


def build_parser(kind: LessonKind) -> argparse.ArgumentParser:
    parser = script_parser(
        f"Read the {kind} reports of an analysis folder into one record file. Reports without an "
        "item are copied to failed_to_parse/."
        + (" Only instances whose gate held give records." if kind == "error" else "")
    )
    add_flag(parser, "--input_dir", type=Path, required=True, help="--output_dir of the analysis")
    add_flag(parser, "--output", type=Path, help="record file; default: standard output")
    add_logging_flag(parser)
    return parser


def parse(args: argparse.Namespace, kind: LessonKind) -> int:
    """Raises ContractError when the folder does not exist or holds no report."""
    from analysis.lessons.parsing import parse_folder
    from analysis.lessons.records import record_entries, save_records
    from react_agent.errors import ContractError

    parsed = parse_folder(args.input_dir, kind)
    if not parsed.reports:
        raise ContractError(f"{args.input_dir}: holds no {kind} report")
    if args.output is None:
        print(json.dumps(record_entries(parsed.records), indent=2))
        print(parsed.table(), file=sys.stderr)
        return OK
    save_records(args.output, parsed.records)
    print(parsed.table())
    print(f"records  {args.output}")
    return OK
