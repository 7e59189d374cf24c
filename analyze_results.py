"""Join verdicts with logs. `python analyze_results.py --help` lists the flags."""

import sys

from spreadsheet_agent.triage import main

if __name__ == "__main__":
    sys.exit(main())
