"""The table of transfer as a stage: settings in, all cells out, and the files asked for."""

from react_agent.files import write_json, write_whole
from reporting.comparing.tables import write_tables
from reporting.transfer import text
from reporting.transfer.cells import TransferTable, transfer_table
from reporting.transfer.settings import Transfer


def show_transfer(settings: Transfer) -> TransferTable:
    """Raises ContractError for what is no run with verdicts."""
    table = transfer_table(settings)
    if settings.json:
        write_json(settings.json, table.model_dump(mode="json"))
    if settings.markdown:
        write_whole(settings.markdown, text.markdown(table))
    write_tables(text.flat(table), text.CAPTION, csv_file=settings.csv, latex_file=None)
    write_tables(text.wide(table), text.CAPTION, csv_file=None, latex_file=settings.latex)
    return table
