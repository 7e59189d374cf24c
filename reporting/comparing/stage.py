"""The comparison as a stage: settings in, what they add up to out, and the files asked for."""

from react_agent.errors import ContractError
from react_agent.runs.reproduced import runs_of
from reporting.comparing import comparison_text as text
from reporting.comparing.command import Comparison
from reporting.comparing.comparison import Compared
from reporting.comparing.entrants import load_entrants
from reporting.comparing.standings import compare


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
    caption = text.CAPTION + (f" ({found.mark})" if found.mark else "")
    value = found.model_dump(mode="json")
    settings.write(value, text.markdown(found), text.flat(found), text.for_paper(found), caption)
    return found
