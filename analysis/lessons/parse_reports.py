"""The parse scripts: from a folder of reports to a record file, without asking any model."""

from analysis.lessons.parsing import Parsed, parse_folder
from analysis.lessons.records import save_records
from analysis.lessons.settings import ReportParsing
from react_agent.errors import ContractError


def parse_reports(settings: ReportParsing) -> Parsed:
    """Raises ContractError when the folder does not exist or holds no report."""
    parsed = parse_folder(settings.input_dir, settings.kind)
    if not parsed.reports:
        raise ContractError(f"{settings.input_dir}: holds no {settings.kind} report")
    save_records(settings.records, parsed.records)
    return parsed
