"""The ledger as a stage: settings in, every figure with what stands beside it out, and the files
asked for."""

from react_agent.runs.reproduced import runs_of
from reporting.comparing.entrants import load_entrant
from reporting.ledger import text
from reporting.ledger.command import Ledger
from reporting.ledger.matching import Own, identify, place
from reporting.ledger.origins import Unmatched
from reporting.ledger.paper import load_rows
from reporting.ledger.published import Place
from reporting.ledger.rows import LedgerTable, fill


def keep_ledger(settings: Ledger) -> LedgerTable:
    """Raises ContractError for a result that is none; one that fits nowhere is listed as such."""
    own: list[Own] = []
    unmatched: dict[str, str] = {}
    places: list[Place] = []
    for path in runs_of(settings.results):
        entrant = load_entrant(str(path), path)
        places += place(entrant, settings.data_path)
        try:
            own.append(identify(entrant, settings.data_path))
        except Unmatched as reason:
            unmatched[str(path)] = str(reason)
    ledger = fill(load_rows(), own, unmatched, places)
    if settings.matched:
        ledger = ledger.matched()
    value = ledger.model_dump(mode="json", exclude_none=True)
    rows = text.flat(ledger)
    settings.write(value, text.markdown(ledger), rows, text.for_paper(ledger), text.CAPTION)
    return ledger
