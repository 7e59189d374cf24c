"""Run an agent over a slice of the data set; `--help` lists the flags."""

import sys

from spreadsheet_agent.rollouts import main

if __name__ == "__main__":
    sys.exit(main())
