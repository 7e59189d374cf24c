"""The stages of Trace2Skill, for Python: settings, and awaitable functions that take them.

    from trace2skill import Rollouts, run
    session = await run(Rollouts(data_path=Path("data/mini"), ...))

docs/api.md has an example of each. A name is loaded when it is first used, so that the import of
this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.analysts.settings import CallErrorAnalysis as CallErrorAnalysis
    from analysis.analysts.settings import CallSuccessAnalysis as CallSuccessAnalysis
    from analysis.analysts.settings import ErrorAnalysis as ErrorAnalysis
    from analysis.analysts.settings import MemoryBuilding as MemoryBuilding
    from analysis.analysts.settings import Repairing as Repairing
    from analysis.analysts.settings import RunAnalysis as RunAnalysis
    from analysis.analysts.settings import RunChoice as RunChoice
    from react_agent.engines.settings import ExecutorSettings as ExecutorSettings
    from react_agent.errors import Trace2SkillError as Trace2SkillError
    from react_agent.memory.settings import MemorySettings as MemorySettings
    from react_agent.models.settings import ModelSettings as ModelSettings
    from react_agent.models.spending.settings import BudgetSettings as BudgetSettings
    from react_agent.runs.settings import AgentSettings as AgentSettings
    from react_agent.runs.settings import CaseChoice as CaseChoice
    from react_agent.runs.settings import Rollouts as Rollouts
    from react_agent.runs.settings import Triage as Triage
    from reporting.comparing.command import Comparison as Comparison
    from reporting.exporting.settings import Export as Export
    from reporting.ledger.command import Ledger as Ledger
    from reporting.page.settings import Report as Report
    from reporting.transfer.command import Transfer as Transfer
    from skill_evolver.engine.settings import Evolution as Evolution
    from spreadsheetbench.scoring.settings import BookScoring as BookScoring
    from spreadsheetbench.scoring.settings import ReadingSettings as ReadingSettings
    from spreadsheetbench.scoring.settings import Scoring as Scoring
    from trace2skill.api import analyse as analyse
    from trace2skill.api import build_memory as build_memory
    from trace2skill.api import compare as compare
    from trace2skill.api import evaluate as evaluate
    from trace2skill.api import evolve as evolve
    from trace2skill.api import export_runs as export_runs
    from trace2skill.api import import_sessions as import_sessions
    from trace2skill.api import keep_ledger as keep_ledger
    from trace2skill.api import online_adopt as online_adopt
    from trace2skill.api import online_bring_back as online_bring_back
    from trace2skill.api import online_learn as online_learn
    from trace2skill.api import online_reject as online_reject
    from trace2skill.api import online_set_up as online_set_up
    from trace2skill.api import online_status as online_status
    from trace2skill.api import online_take_out as online_take_out
    from trace2skill.api import run as run
    from trace2skill.api import run_loop as run_loop
    from trace2skill.api import select_patches as select_patches
    from trace2skill.api import show_transfer as show_transfer
    from trace2skill.api import triage as triage
    from trace2skill.api import write_report as write_report
    from trace2skill.online.settings import Adopt as Adopt
    from trace2skill.online.settings import BringBack as BringBack
    from trace2skill.online.settings import Learn as Learn
    from trace2skill.online.settings import OfSkill as OfSkill
    from trace2skill.online.settings import Reject as Reject
    from trace2skill.online.settings import SessionImport as SessionImport
    from trace2skill.online.settings import SetUp as SetUp
    from trace2skill.online.settings import TakeOut as TakeOut
    from trace2skill.plugging import offer_evaluator as offer_evaluator
    from trace2skill.plugging import offer_harness as offer_harness
    from trace2skill.plugging import offer_model as offer_model
    from trace2skill.reproduce.own_tasks import OwnTasksRecipe as OwnTasksRecipe
    from trace2skill.reproduce.recipe import BudgetTable as BudgetTable
    from trace2skill.reproduce.recipe import MemoryTable as MemoryTable
    from trace2skill.reproduce.recipe import ModelTable as ModelTable
    from trace2skill.reproduce.recipe import Recipe as Recipe
    from trace2skill.reproduce.recipe import RoleTable as RoleTable
    from trace2skill.reproduce.recipe import SplitTable as SplitTable
    from trace2skill.selecting.settings import PatchSelection as PatchSelection

_PLACES = {
    "analysis.analysts.settings": (
        "CallErrorAnalysis",
        "CallSuccessAnalysis",
        "ErrorAnalysis",
        "MemoryBuilding",
        "Repairing",
        "RunAnalysis",
        "RunChoice",
    ),
    "react_agent.engines.settings": ("ExecutorSettings",),
    "react_agent.errors": ("Trace2SkillError",),
    "react_agent.memory.settings": ("MemorySettings",),
    "react_agent.models.settings": ("ModelSettings",),
    "react_agent.models.spending.settings": ("BudgetSettings",),
    "react_agent.runs.settings": ("AgentSettings", "CaseChoice", "Rollouts", "Triage"),
    "reporting.comparing.command": ("Comparison",),
    "reporting.exporting.settings": ("Export",),
    "reporting.ledger.command": ("Ledger",),
    "reporting.page.settings": ("Report",),
    "reporting.transfer.command": ("Transfer",),
    "skill_evolver.engine.settings": ("Evolution",),
    "spreadsheetbench.scoring.settings": ("BookScoring", "ReadingSettings", "Scoring"),
    "trace2skill.api": (
        "analyse",
        "build_memory",
        "compare",
        "evaluate",
        "evolve",
        "export_runs",
        "import_sessions",
        "keep_ledger",
        "online_adopt",
        "online_bring_back",
        "online_learn",
        "online_reject",
        "online_set_up",
        "online_status",
        "online_take_out",
        "run_loop",
        "run",
        "select_patches",
        "show_transfer",
        "triage",
        "write_report",
    ),
    "trace2skill.online.settings": (
        "Adopt",
        "BringBack",
        "Learn",
        "OfSkill",
        "Reject",
        "SessionImport",
        "SetUp",
        "TakeOut",
    ),
    "trace2skill.reproduce.own_tasks": ("OwnTasksRecipe",),
    "trace2skill.reproduce.recipe": (
        "BudgetTable",
        "MemoryTable",
        "ModelTable",
        "Recipe",
        "RoleTable",
        "SplitTable",
    ),
    "trace2skill.selecting.settings": ("PatchSelection",),
    "trace2skill.plugging": ("offer_evaluator", "offer_harness", "offer_model"),
}
_HOMES = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
