"""The table of transfer as a stage: settings in, all cells out, and the files asked for."""

from reporting.transfer import text
from reporting.transfer.cells import TransferTable, transfer_table
from reporting.transfer.command import Transfer


def show_transfer(settings: Transfer) -> TransferTable:
    """Raises ContractError for what is no run with verdicts."""
    table = transfer_table(settings)
    value = table.model_dump(mode="json")
    settings.write(value, text.markdown(table), text.flat(table), text.wide(table), text.CAPTION)
    return table
