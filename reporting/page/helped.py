"""Whether it helped, in a sentence for each run beside the first: the words of the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.runs.reproduced import runs_of


def helped(paths: Sequence[Path], labels: Mapping[Path, str]) -> list[dict[str, Any]]:
    """Held-out runs alone, in order, the last one being what was evolved. Runs that cannot be
    compared give one row without a verdict that says why; a single run gives none."""
    from reporting.comparing.comparison_text import in_words  # late: scipy
    from reporting.comparing.entrants import load_entrants
    from reporting.comparing.standings import compare

    held_out = runs_of(paths)
    if len(held_out) < 2:
        return []
    names = [labels.get(path, path.name) for path in held_out]
    try:
        entrants, notes = load_entrants(held_out, common=True)
    except ContractError as error:
        return [{"name": "", "verdict": "", "text": f"The runs could not be compared: {error}"}]
    found = compare(entrants, notes=notes)
    return [
        {
            "name": name,
            "verdict": pair.verdict,
            "text": in_words(pair, names[0]),
        }
        for name, pair in zip(names[1:], found.pairs, strict=True)
    ]
