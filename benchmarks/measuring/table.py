"""What the benchmarks share on the way out: one table, and the machine it was measured on."""

import os
import platform
from collections.abc import Sequence


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A markdown table, so that a figure goes into a page as it was printed."""
    cells = [list(heads), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    print(f"{title} ({os.cpu_count()} cores, Python {platform.python_version()})\n")
    for number, row in enumerate(cells):
        print(
            f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"
        )
        if not number:
            print(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    print(flush=True)


def ratio(value: float, base: float) -> str:
    return f"{value / base:.2f} x" if base else "-"


def _text(value: object) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 1000
        else (f"{value:,.0f}" if isinstance(value, float) else str(value))
    )
