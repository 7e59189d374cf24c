"""The ledger as a stage: settings in, every figure with what stands beside it out, and the files
asked for."""

from react_agent.files import write_json, write_whole
from react_agent.runs.reproduced import runs_of
from reporting.comparing.entrants import load_entrant
from reporting.comparing.tables import write_tables
from reporting.ledger import text
from reporting.ledger.matching import Own, identify, place
from reporting.ledger.origins import Unmatched
from reporting.ledger.paper import load_rows
from reporting.ledger.published import Place
from reporting.ledger.rows import LedgerTable, fill
from reporting.ledger.settings import Ledger


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
    if settings.json:
        write_json(settings.json, ledger.model_dump(mode="json", exclude_none=True))
    if settings.markdown:
        write_whole(settings.markdown, text.markdown(ledger))
    write_tables(text.flat(ledger), text.CAPTION, csv_file=settings.csv, latex_file=None)
    write_tables(text.for_paper(ledger), text.CAPTION, csv_file=None, latex_file=settings.latex)
    return ledger
