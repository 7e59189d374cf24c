"""Join verdicts with logs. `--help` lists the flags."""

import sys

from spreadsheet_agent.triage import main

if __name__ == "__main__":
    sys.exit(main())
