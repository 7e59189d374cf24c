"""`trace2skill data WHAT`: everything that has to be fetched from a public home."""

import sys
from importlib import import_module

from react_agent.text import say

KINDS = {
    "fetch": (
        "trace2skill.fetching",
        "SpreadsheetBench, or with --domain the data of the paper's other experiments",
    ),
    "fetch-released": (
        "skill_evolver.commands.released",
        "the four skill folders released with the paper",
    ),
}


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        rows = "\n".join(f"  {name:<15} {clause}" for name, (_, clause) in KINDS.items())
        say(f"usage: trace2skill data WHAT [flags]\n\n{rows}")
        return 0 if arguments else 2
    if arguments[0] not in KINDS:
        say(f"error: nothing called {arguments[0]!r}; one of {', '.join(KINDS)}", file=sys.stderr)
        return 2
    sys.argv[0] = f"trace2skill data {arguments[0]}"
    result: int = import_module(KINDS[arguments[0]][0]).main(arguments[1:])
    return result
