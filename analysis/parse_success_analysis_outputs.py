"""Read the reports of an analysis folder into one record file.

python analysis/parse_success_analysis_outputs.py --input_dir run/success --output success.json
"""

import sys
from pathlib import Path
from typing import Literal

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.lessons.parse_reports import build_parser, parse
from react_agent.cli import run_script

KIND: Literal["success"] = "success"


def main(argv: list[str] | None = None) -> int:
    return run_script(lambda args: parse(args, KIND), build_parser(KIND), argv)


if __name__ == "__main__":
    sys.exit(main())
