"""An analysis from its settings to its summary."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.analysts.agentic import AgenticSite, check_folders
from analysis.analysts.one_call import OneCallSite
from analysis.analysts.running import AnalystSite, run_analysis
from analysis.analysts.settings import (
    Analysis,
    CallAnalysis,
    CallErrorAnalysis,
    ErrorAnalysis,
    MemoryBuilding,
    RunAnalysis,
)
from analysis.lessons.outcomes import Summary
from analysis.lessons.selection import Wanted, contrasted, select
from react_agent.cli import INCOMPLETE, OK
from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import OUTPUTS, RUN_SETTINGS
from react_agent.text import say


async def analyse(settings: Analysis) -> Summary:
    """Raises ContractError before any model is asked when settings or folders do not fit."""
    choice = settings.choice
    wanted: Wanted = "FAILED" if settings.kind == "error" else "SUCCEED"
    if isinstance(settings, CallAnalysis) and settings.all:
        wanted = "ALL"
    contrast = isinstance(settings, CallErrorAnalysis) and settings.contrast
    if contrast and (choice.repeat == 1 or wanted == "ALL"):
        raise ContractError("--contrast compares seeds by their verdicts: give --repeat, no --all")
    selection = select(
        settings.logs_dir,
        wanted,
        repeat=choice.repeat,
        instance_ids=choice.instance_ids,
        named_any=isinstance(settings, ErrorAnalysis),
        sample=None if contrast else choice.sample,
        shuffle_seed=choice.shuffle_seed,
    )
    if contrast:
        solved = select(settings.logs_dir, "SUCCEED", repeat=choice.repeat)
        selection = contrasted(selection, solved, choice.sample)
    if isinstance(settings, CallAnalysis):
        site: AnalystSite[Any] = OneCallSite(settings)
    else:
        assert isinstance(settings, ErrorAnalysis)
        site = AgenticSite(settings)
        check_folders(settings.work_dir, selection, site.domain)
    per_class = None
    if isinstance(settings, ErrorAnalysis | CallErrorAnalysis):
        per_class = settings.per_class
    return await run_analysis(settings, site, selection, per_class)


async def analyse_run(
    settings: RunAnalysis | MemoryBuilding,
    done: Callable[[Analysis, Summary], object] = lambda *_: None,
) -> list[Summary]:
    """The analyses of a run folder one after the other; `done` is told of each."""
    summaries = []
    for stage in settings.stages(data_path_of(settings)):
        summaries.append(await analyse(stage))
        done(stage, summaries[-1])
    return summaries


def data_path_of(settings: RunAnalysis | MemoryBuilding) -> Path:
    """Raises ContractError when neither settings nor run say what data set it ran on."""
    run_folder = settings.run_folder
    if not run_folder.is_dir():
        raise ContractError(f"{run_folder}: no such run folder")
    if settings.data_path:
        return settings.data_path
    for file in sorted(run_folder.glob(f"{OUTPUTS}/**/{RUN_SETTINGS}")):
        try:
            return Path(read_json(file)["sessions"][-1]["environment"]["data_path"])
        except (KeyError, IndexError, TypeError):
            continue
    raise ContractError(f"{run_folder}: does not say which data set it ran on; give --data_path")


def closing(settings: Analysis, summary: Summary) -> int:
    """Print where things are; the exit code says whether anything is still to be done."""
    say(summary.table())
    say(f"reports  {settings.output_dir}\nrecords  {settings.records}")
    if summary.owed:
        first = summary.owed[0]
        say(
            f"{len(summary.owed)} cases are still owed (such as {first['instance']}: "
            f"{first['reason']}); run the same command again to go on"
        )
    return INCOMPLETE if summary.owed else OK
