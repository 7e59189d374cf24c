"""Read the reports of an analysis folder into one record file.

python analysis/parse_success_analysis_outputs.py --input_dir run/success --output success.json
"""

import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.lessons.settings import SuccessParsing
from react_agent.flags import run_stage

ABOUT = (
    "Read the success reports of an analysis folder into one record file. Reports without an item "
    "are copied to failed_to_parse/."
)


def parse(settings: SuccessParsing) -> int:
    from analysis.lessons.parse_reports import parse_reports

    print(parse_reports(settings).table())
    print(f"records  {settings.records}")
    return 0


def main(argv: list[str] | None = None) -> int:
    return run_stage(parse, SuccessParsing, argv, ABOUT)


if __name__ == "__main__":
    sys.exit(main())
