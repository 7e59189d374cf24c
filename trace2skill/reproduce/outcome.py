"""What came of a reproduction, in the words that one wants to read at its end."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from react_agent.cli import INCOMPLETE
from react_agent.configfile import read_record
from react_agent.errors import ContractError
from react_agent.layout import COMPARISON_JSON, INTERMEDIATES, PROVENANCE, REPORT_PAGE
from react_agent.memory.bank import Bank
from reporting.comparing.comparison import Compared
from reporting.comparing.comparison_text import in_words
from skill_evolver.engine.result import NOT_WRITTEN
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.standings import Standing, score
from trace2skill.reproduce.steps import PipelineStep, field_of


@dataclass(frozen=True)
class LoopResult:
    """What one start has come to."""

    code: int
    """0 done, 1 work is still owed (the same call goes on), 2 wrong input, 3 no skill evolved."""
    folder: Path
    """Of all that was written: `comparison.json`, the report, each run."""
    standings: tuple[Standing, ...] = ()
    """Each agent on each split, with its verdicts."""
    skill: Path | None = None
    """The evolved one, chosen by its training score."""
    compared: Compared | None = None
    """The held-out runs against the start skill's; the last pair is the evolved skill's."""
    text: str = ""
    """All of it to be read."""
    stopped: str = ""
    """Where and why the start ended early, if it did."""

    @property
    def owed(self) -> bool:
        return self.code == INCOMPLETE


UNDECIDED = "Undecided means: these runs are too few to tell the difference from chance."


def of_step(step: PipelineStep, pipeline: Pipeline) -> str:
    """What a step that is whole has come to, in a few words."""
    if step.entrant:
        standing = score(step.entrant)
        return f"{standing.solved} of {standing.tasks} solved"
    if step.kind == "lessons":
        return f"{pipeline.lessons_learned()} lessons passed the gate"
    if step.kind == "memory":
        (bank,) = (one.bank for one in pipeline.reminded() if one.bank)
        return f"{sum(len(task.items) for task in Bank.load(bank).tasks)} notes"
    lessons = field_of(_provenance(step, pipeline), "lessons")
    return f"{len(lessons)} lessons in the skill" if isinstance(lessons, list) else ""


def _provenance(step: PipelineStep, pipeline: Pipeline) -> Path:
    return pipeline.root / step.name / INTERMEDIATES / PROVENANCE


def sentence(pipeline: Pipeline, seed: int | None, why: str) -> str:
    """Whether it helped; `why` there is no evolved skill where there is none."""
    if seed is None:
        return f"No skill was evolved: {why}."
    found = compared(pipeline.root)
    if found is None or not found.pairs:
        return f"The held-out runs could not be compared; {_run('compare', pipeline.root)}"
    mine = found.pairs[-1]
    runs = "" if mine.verdict != "undecided" else f"\n{UNDECIDED}"
    return (
        f"On the held-out tasks the evolved skill is {mine.verdict.upper()} "
        f"{in_words(mine, pipeline.recipe.start)}.{runs}"
    )


def compared(root: Path) -> Compared | None:
    try:
        return read_record(Compared, root / COMPARISON_JSON)
    except (ContractError, OSError):
        return None


def look_next(pipeline: Pipeline, seed: int | None) -> str:
    """Commands that can be pasted as they stand."""
    root = pipeline.root
    rows = [("report", str(root / REPORT_PAGE) + "  (open it in a browser)")]
    if seed is not None:
        skill = pipeline.evolved_skills(seed) / pipeline.recipe.start
        rows.insert(0, ("skill", str(skill)))
        rows += [
            ("lessons", _run("lessons", root)),
            ("each line", _run("blame", root)),
            ("tasks", _run("compare", root)),
            ("paper", f"{_run('ledger', root)} --matched"),
        ]
    else:
        rows.append(("failures", f"{pipeline.teacher.folder}/error_analysis"))
    return "\n".join(f"{name:<10} {words}" for name, words in rows)


def _run(command: str, *places: Path) -> str:
    """As this was started, where the command is not on the PATH."""
    started = "".join(sys.orig_argv[1:2])  # the name in sys.argv is made for --help
    unseen = Path(started).name == "trace2skill" and not shutil.which("trace2skill")
    return shlex.join([started if unseen else "trace2skill", command, *map(str, places)])


def no_skill_because(pipeline: Pipeline, broken: Sequence[int]) -> str:
    """Why no evolution gave one, and what to do."""
    if not pipeline.lessons_learned():
        return (
            "no lesson passed the gate, so there was nothing to learn from; "
            f"{pipeline.teacher.folder} has the analyses. More training tasks, a stronger model "
            'or gate = "off" (in another output) give more'
        )
    seeds = ", ".join(map(str, broken))
    return f"what the evolutions wrote broke the rules of a skill (seeds {seeds}, exit code " + (
        f"{NOT_WRITTEN}); {pipeline.root} has their change logs"
    )
