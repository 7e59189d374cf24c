"""The stages as awaitable functions: settings in, typed results out. Nothing is printed but
progress, and an error is a Trace2SkillError that says in one line what is wrong.

What blocks is done in a thread, so that the loop of whoever awaits goes on.
"""

import sys
from typing import TYPE_CHECKING

from react_agent.threads import to_the_end

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.analysts.settings import Analysis, MemoryBuilding, RunAnalysis
    from analysis.lessons.outcomes import Summary
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
    from skill_evolver.commands.rollback import RolledBack
    from skill_evolver.engine.result import EvolutionResult
    from skill_evolver.engine.settings import Evolution
    from spreadsheetbench.scoring.settings import Scoring
    from spreadsheetbench.scoring.stage import Scored
    from trace2skill.online.home import Home
    from trace2skill.online.importing import Imported
    from trace2skill.online.learning import Learnt
    from trace2skill.online.rounds import Round
    from trace2skill.online.settings import (
        Adopt,
        BringBack,
        Learn,
        OfSkill,
        Reject,
        SessionImport,
        SetUp,
        TakeOut,
    )
    from trace2skill.online.standing import OnlineStatus
    from trace2skill.online.wizard import Ready
    from trace2skill.reproduce.outcome import LoopResult
    from trace2skill.reproduce.own_tasks import OwnTasksRecipe
    from trace2skill.reproduce.recipe import Recipe
    from trace2skill.selecting.outcome import PatchesSelected
    from trace2skill.selecting.settings import PatchSelection
    from trace2skill.trials.trying import Owed


async def run_loop(recipe: "Recipe | OwnTasksRecipe") -> "LoopResult":
    """A whole loop: baselines, lessons, evolutions, their validation, and the comparison on tasks
    that taught nothing. Goes on where an earlier call with the same output stopped."""
    from react_agent.lock import only_start
    from react_agent.text import saying_to
    from trace2skill.reproduce.conduct import Conductor
    from trace2skill.reproduce.recipe import Recipe

    conductor = Conductor.of(recipe if isinstance(recipe, Recipe) else recipe.recipe())
    conductor.check()
    await conductor.look()
    with only_start(conductor.root), saying_to(sys.stderr):
        return await conductor.run()


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
    from analysis.analysts import memory_bank

    return await memory_bank.build(settings)


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


async def online_set_up(settings: "SetUp") -> "Ready":
    """A skill that learns from its user's sessions: the file of its settings, and the hook, which
    is seen to fire. Asks nothing."""
    from trace2skill.online import wizard

    return await to_the_end(lambda: wizard.set_up(settings))


async def online_learn(settings: "Learn") -> "Learnt":
    """Noted sessions in, a new skill staged from them."""
    from trace2skill.online import learning

    return await learning.learn(_home(settings), settings.now)


async def online_status(settings: "OfSkill") -> "OnlineStatus":
    """How far the skill is, and what is staged."""
    from trace2skill.online import standing

    return await to_the_end(lambda: standing.status_of(_home(settings)))


async def online_adopt(settings: "Adopt") -> "Round":
    """The staged skill swapped in, whole."""
    from trace2skill.online import deciding

    return await to_the_end(lambda: deciding.adopt(_home(settings), settings.force))


async def online_reject(settings: "Reject") -> "Round":
    """The staged skill turned down; its lessons are not drawn again."""
    from trace2skill.online import deciding

    return await to_the_end(lambda: deciding.reject(_home(settings), settings.reason))


async def online_bring_back(settings: "BringBack") -> "RolledBack":
    """The skill as it was before the adoption."""
    from trace2skill.online import deciding

    return await to_the_end(lambda: deciding.bring_back(_home(settings), settings.to))


async def online_take_out(settings: "TakeOut") -> "Path | None":
    """Our hook out of the client's settings: the copy of them as they were, None without one."""
    from trace2skill.online import wizard

    file = wizard.settings_file(settings.client_settings)
    return await to_the_end(lambda: wizard.take_out(_home(settings).folder, file))


def _home(settings: "OfSkill") -> "Home":
    from trace2skill.online.home import find_home

    return find_home(settings.config)
