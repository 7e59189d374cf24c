"""The comparison as a stage: settings in, what they add up to out, and the files asked for."""

from react_agent.errors import ContractError
from react_agent.files import write_json, write_whole
from react_agent.runs.reproduced import runs_of
from reporting.comparing import comparison_text as text
from reporting.comparing.comparison import Compared
from reporting.comparing.entrants import load_entrants
from reporting.comparing.settings import Comparison
from reporting.comparing.standings import compare
from reporting.comparing.tables import write_tables


def compare_runs(settings: Comparison) -> Compared:
    """Raises ContractError for what is no run, and for runs that are not on a par."""
    paths = runs_of([settings.baseline, *settings.others])
    if len(paths) < 2:
        raise ContractError("one run alone is compared with nothing; name another")
    entrants, notes = load_entrants(paths, common=settings.common)
    found = compare(
        entrants,
        infrastructure=settings.infrastructure,
        notes=notes,
        seed=settings.bootstrap_seed,
    )
    if settings.json:
        write_json(settings.json, found.model_dump(mode="json"))
    if settings.markdown:
        write_whole(settings.markdown, text.markdown(found))
    caption = text.CAPTION + (f" ({found.mark})" if found.mark else "")
    write_tables(text.flat(found), caption, csv_file=settings.csv, latex_file=None)
    write_tables(text.for_paper(found), caption, csv_file=None, latex_file=settings.latex)
    return found
