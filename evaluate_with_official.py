"""Score the outputs of a run. `--help` lists the flags."""

import sys

from spreadsheetbench.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
