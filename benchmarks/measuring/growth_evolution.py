"""One evolution of so many records, in the process that `growth.py` measures."""

from collections.abc import Sequence

from evolution import Named, evolve


def main(argv: Sequence[str]) -> int:
    evolve(Named, int(argv[0]), workers=512, seed=0)
    return 0
