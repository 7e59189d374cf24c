"""The stages as awaitable functions: settings in, typed results out. Nothing is printed but
progress, and an error is a Trace2SkillError that says in one line what is wrong.

What blocks is done in a thread, so that the loop of whoever awaits goes on.
"""

from typing import TYPE_CHECKING

from react_agent.threads import to_the_end

if TYPE_CHECKING:
    from analysis.analysts.settings import Analysis, RunAnalysis
    from analysis.lessons.outcomes import Summary
    from analysis.memories.settings import MemoryBuilding
    from react_agent.memory.bank import Bank
    from react_agent.runs.places import Session
    from react_agent.runs.settings import Rollouts, Triage
    from react_agent.runs.triage import Row
    from reporting.comparing.command import Comparison
    from reporting.comparing.comparison import Compared
    from reporting.exporting.settings import Export
    from reporting.exporting.stage import Exported
    from reporting.ledger.command import Ledger
    from reporting.ledger.rows import LedgerTable
    from reporting.page.settings import Report
    from reporting.page.stage import Page
    from reporting.transfer.cells import TransferTable
    from reporting.transfer.command import Transfer
    from skill_evolver.engine.result import EvolutionResult
    from skill_evolver.engine.settings import Evolution
    from spreadsheetbench.scoring.settings import Scoring
    from spreadsheetbench.scoring.stage import Scored
    from trace2skill.online.importing import Imported
    from trace2skill.online.settings import SessionImport
    from trace2skill.selecting.outcome import PatchesSelected
    from trace2skill.selecting.settings import PatchSelection
    from trace2skill.trials.trying import Owed


async def run(settings: "Rollouts") -> "Session":
    """Rollouts: what no earlier start has finished. `owed` says how many cases are not done."""
    from react_agent.runs import session

    return await session.run(settings)


async def evaluate(settings: "Scoring") -> "Scored":
    """Verdicts on the outputs of a run, by folder; they are also written beside the outputs."""
    from spreadsheetbench.scoring import stage

    return await stage.run(settings)


async def triage(settings: "Triage") -> "list[Row]":
    """Verdicts joined with logs, whose names then say solved or failed."""
    from react_agent.runs import triage

    return await to_the_end(lambda: triage.run(settings))


async def analyse(settings: "RunAnalysis | Analysis") -> "list[Summary]":
    """Lessons: of a whole run folder, or by one analyst; a summary for each analysis."""
    from analysis.analysts import analysing
    from analysis.analysts.settings import RunAnalysis

    if isinstance(settings, RunAnalysis):
        return await analysing.analyse_run(settings)
    return [await analysing.analyse(settings)]


async def build_memory(settings: "MemoryBuilding") -> "Bank":
    """Notes of a run's trajectories, for `MemorySettings` of other rollouts."""
    from analysis.memories import building

    return await building.build(settings)


async def evolve(settings: "Evolution") -> "EvolutionResult":
    """A better skill from lessons: swapped in whole, or as it was, with `problems` saying why."""
    from skill_evolver.engine import evolution

    return await evolution.evolve(settings)


async def select_patches(settings: "PatchSelection") -> "PatchesSelected | Owed":
    """The best subset of an evolution's lessons, as a skill; what is owed, where a cap ended it."""
    from react_agent.lock import only_start
    from trace2skill.selecting.stage import Selecting

    selecting = Selecting(settings)
    with only_start(settings.output_dir):
        return await selecting.run()


async def compare(settings: "Comparison") -> "Compared":
    """Each run against the first: better, worse or undecided."""
    from reporting.comparing import command

    return await to_the_end(lambda: command.compare_runs(settings))


async def write_report(settings: "Report") -> "Page":
    """One HTML page about runs."""
    from reporting.page import stage

    return await to_the_end(lambda: stage.write_report(settings))


async def keep_ledger(settings: "Ledger") -> "LedgerTable":
    """Published figures with one's own beside them."""
    from reporting.ledger import command

    return await to_the_end(lambda: command.keep_ledger(settings))


async def show_transfer(settings: "Transfer") -> "TransferTable":
    """Runs of several skills, models and benchmarks in one table."""
    from reporting.transfer import command

    return await to_the_end(lambda: command.show_transfer(settings))


async def export_runs(settings: "Export") -> "Exported":
    """Trajectories, verdicts, lessons and edits as files for other tools."""
    from reporting.exporting import stage

    return await to_the_end(lambda: stage.export(settings))


async def import_sessions(settings: "SessionImport") -> "Imported":
    """One's own sessions with an agent as a run, which analysts take with `all`."""
    from trace2skill.online import importing

    return await to_the_end(lambda: importing.import_sessions(settings))
