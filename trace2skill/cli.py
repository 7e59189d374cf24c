"""`trace2skill STAGE ...`: every stage behind one command, each the same code as its script."""

import sys
from importlib import import_module

from react_agent.text import say

STAGES = {
    "demo": ("trace2skill.demo", "the whole pipeline on bundled tasks, no account needed"),
    "reproduce": (
        "trace2skill.reproduce.command",
        "the paper's whole comparison from one TOML file",
    ),
    "watch": ("trace2skill.watching.watch", "a run under way, from its files"),
    "doctor": ("trace2skill.doctor.command", "check this machine, the endpoint and a data set"),
    "data": ("trace2skill.data", "fetch the benchmarks' data, and the paper's released skills"),
    "run": ("spreadsheet_agent.rollouts", "rollouts: an agent works through tasks"),
    "evaluate": ("spreadsheetbench.evaluate", "verdicts: score the workbooks of a run"),
    "triage": ("spreadsheet_agent.triage", "join verdicts with logs, mark solved and failed"),
    "analyze": ("analysis.analyze", "lessons: what failed and solved runs teach"),
    "memory": ("analysis.memory", "a memory bank of notes: the baseline ReasoningBank"),
    "evolve": ("skill_evolver.evolve", "evolution: lessons become a better skill"),
    "lessons": ("skill_evolver.commands.lessons", "list the lessons in an evolved skill"),
    "effect": ("trace2skill.effect.command", "does a lesson help? the skill with and without it"),
    "blame": ("skill_evolver.commands.blame", "trace a line of a skill to its evidence"),
    "revert": ("skill_evolver.commands.revert", "take one lesson out of a skill"),
    "rollback": ("skill_evolver.commands.rollback", "bring back an earlier version of a skill"),
    "select": (
        "trace2skill.selecting.command",
        "which of the learned lessons belong into the skill, tried on tasks",
    ),
    "compare": ("reporting.comparing.command", "is one run better, worse, or is it undecided?"),
    "transfer": (
        "reporting.transfer.command",
        "any skill on any benchmark, in one table",
    ),
    "ledger": ("reporting.ledger.command", "the paper's figures beside your own"),
    "split": ("spreadsheetbench.tasks.splits", "lists of task ids: published, stratified, folds"),
    "stability": (
        "skill_evolver.commands.stability",
        "merge again in other orders: which lessons stay",
    ),
    "sessions": (
        "trace2skill.online.sessions",
        "your own sessions with an agent: list, show, import as a run",
    ),
    "online": (
        "trace2skill.online.command",
        "a skill that learns from your own sessions, and asks before it changes",
    ),
    "export": (
        "reporting.exporting.command",
        "trajectories, verdicts, lessons and edits as JSON lines, Parquet, ATIF",
    ),
    "report": (
        "reporting.page.command",
        "one HTML page: runs, tasks, cells, lessons and their evidence",
    ),
}

ONLINE = {"init-claude-code": "init", "evolve-online": "run"}
"""Other names for commands of `online`."""
BATCH = "trace2skill.reproduce.batch"
"""What `evolve --config FILE` is; without the flag `evolve` takes lessons that are there."""


def usage() -> str:
    rows = "\n".join(f"  {name:<10} {clause}" for name, (_, clause) in STAGES.items())
    return (
        "usage: trace2skill STAGE [flags]\n\n"
        "Improve an agent's skill from its own runs (Trace2Skill, arXiv 2603.25158).\n\n"
        f"stages:\n{rows}\n\n"
        "`trace2skill STAGE --help` lists a stage's flags and their defaults."
    )


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        say(usage())
        return 0 if arguments else 2
    stage, rest = arguments[0], arguments[1:]
    if stage in ONLINE:
        stage, rest = "online", [ONLINE[stage], *rest]
    by_file = any(word.partition("=")[0] == "--config" for word in rest)
    if stage == "rollback" and by_file:
        stage, rest = "online", [stage, *rest]
    if stage not in STAGES:
        say(f"error: no stage {stage!r}; stages: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    sys.argv[0] = f"trace2skill {stage}"
    module = import_module(BATCH if stage == "evolve" and by_file else STAGES[stage][0])
    result: int = module.main(rest)
    return result


if __name__ == "__main__":
    sys.exit(main())
