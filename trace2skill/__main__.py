"""`python -m trace2skill` is the console command."""

import sys

from trace2skill.cli import main

if __name__ == "__main__":
    sys.exit(main())
