"""What came of a reproduction, in the words that one wants to read at its end."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import COMPARISON_JSON, INTERMEDIATES, PROVENANCE, REPORT_PAGE
from reporting.comparing.comparison import Compared, Pair
from reporting.comparing.comparison_text import against
from skill_evolver.engine.result import NOT_WRITTEN
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.standings import score
from trace2skill.reproduce.steps import PipelineStep, field_of

UNDECIDED = "Undecided means: these runs are too few to tell the difference from chance."


def of_step(step: PipelineStep, pipeline: Pipeline) -> str:
    """What a step that is whole has come to, in a few words."""
    if step.entrant:
        standing = score(step.entrant)
        return f"{standing.solved} of {standing.tasks} solved"
    if step.kind == "lessons":
        return f"{pipeline.lessons_learned()} lessons passed the gate"
    lessons = field_of(_provenance(step, pipeline), "lessons")
    return f"{len(lessons)} lessons in the skill" if isinstance(lessons, list) else ""


def _provenance(step: PipelineStep, pipeline: Pipeline) -> Path:
    return pipeline.root / step.name / INTERMEDIATES / PROVENANCE


def sentence(pipeline: Pipeline, seed: int | None, why: str) -> str:
    """Whether it helped; `why` there is no evolved skill where there is none."""
    if seed is None:
        return f"No skill was evolved: {why}."
    pairs = _pairs(pipeline.root / COMPARISON_JSON)
    if pairs is None:
        return f"The held-out runs could not be compared; {_run('compare', pipeline.root)}"
    mine = pairs[-1]
    runs = "" if mine.verdict != "undecided" else f"\n{UNDECIDED}"
    return (
        f"On the held-out tasks the evolved skill is {mine.verdict.upper()} "
        f"{against(mine, pipeline.recipe.start)}.{runs}"
    )


def _pairs(file: Path) -> tuple[Pair, ...] | None:
    try:
        return Compared.model_validate(read_json(file)).pairs or None
    except (ContractError, ValidationError, OSError):
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
    started = sys.argv[0]
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
