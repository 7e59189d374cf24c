"""The parse scripts: from a folder of reports to a record file, without asking any model."""

import json
import sys

from analysis.lessons.parsing import Parsed, parse_folder
from analysis.lessons.records import record_entries, save_records
from analysis.lessons.settings import ReportParsing
from react_agent.errors import ContractError
from react_agent.text import say


def parse_reports(settings: ReportParsing) -> Parsed:
    """Raises ContractError when the folder does not exist or holds no report."""
    parsed = parse_folder(settings.input_dir, settings.kind)
    if not parsed.reports:
        raise ContractError(f"{settings.input_dir}: holds no {settings.kind} report")
    if settings.output:
        save_records(settings.output, parsed.records)
    return parsed


def closing(settings: ReportParsing, parsed: Parsed) -> None:
    """Print what was found; the records too, where they have no file to go to."""
    if settings.output:
        say(f"{parsed.table()}\nrecords  {settings.output}")
    else:
        say(json.dumps(record_entries(parsed.records), indent=2))
        say(parsed.table(), file=sys.stderr)
