"""What an evolution is told. Imports nothing heavy, so that `--help` is quick."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings
from react_agent.registry import SKILL_FORMATS, names
from react_agent.runs.settings import DOMAIN
from react_agent.settings import Settings, part, setting
from skill_evolver.guard.injections import RULES

Lessons = Literal["error", "success", "combined"]
LessonsOrAuto = Literal["error", "success", "combined", "auto"]
Source = tuple[Path, Literal["error", "success"]]
_LESSONS, _HOW, _WHAT, _FILES = (
    "which lessons",
    "how to evolve",
    "what may enter the skill",
    "files",
)


@dataclass(frozen=True, kw_only=True)
class Evolution(Settings):
    """Improve a skill folder from the lessons of failed runs, of solved ones or of both."""

    hyphens: ClassVar[bool] = True

    skill_dir: Path = setting("the skill, or a root that holds it")
    error_json: Path | None = setting(
        "records or patterns of failed runs, or the analysis folder that holds them", None
    )
    success_json: Path | None = setting("the same of successful runs", None)
    data_path: Path | None = setting("data set: chooses tasks, and arms the leak scan", None)
    domain: str = setting("benchmark of the data set, or module:attribute of your own", DOMAIN)
    prompt: Literal["skill", "generic", "patterns", "patterns_generic"] = setting(
        "how far beyond these runs the prompts look, and of what the evidence is", "skill"
    )
    skill_format: str = setting(
        f"rules of the folder: {names(SKILL_FORMATS)} (with a client's own fields), or one of your "
        "own",
        "agentskills",
    )

    input_mode: Literal["records", "patterns", "auto"] = setting(
        "what the files hold", "auto", group=_LESSONS
    )
    start_idx: int = setting("first task of the data set, else first record", 0, group=_LESSONS)
    end_idx: int | None = setting("one after the last", None, group=_LESSONS)
    shuffle_seed: int | None = setting(
        "shuffle tasks or records before --start-idx and --end-idx count", None, group=_LESSONS
    )
    sample_task_count: int | None = setting(
        "only so many tasks: with --data-path the first ones, else drawn, in the file's order",
        None,
        least=1,
        group=_LESSONS,
    )
    sample_task_seed: int | None = setting("the same as --shuffle-seed", None, group=_LESSONS)

    mode: Literal["parallel", "sequential"] = setting(
        "sequential: each batch edits what the one before it left; nothing is merged",
        "parallel",
        group=_HOW,
    )
    batch_size: int = setting("records per MAP call", 1, least=1, group=_HOW)
    merge_batch_size: int = setting("patches per merge", 5, least=2, group=_HOW)
    merge_mode: Literal["together", "apart"] = setting(
        "apart: errors and successes are merged among themselves, then once with each other, where "
        "errors win",
        "together",
        group=_HOW,
    )
    gate: Literal["off", "patch"] = setting(
        "patch: each proposed patch is tried on its own source task, by an agent on the same "
        "model, and is merged only if the task is then solved; needs --data-path",
        "off",
        group=_HOW,
    )
    gate_turns: int = setting("replies of that agent for a task", 20, least=1, group=_HOW)
    max_workers: int = setting("calls in flight", 4, least=1, group=_HOW)
    max_merge_levels: int = setting("then one forced merge", 5, least=1, group=_HOW)
    patch_pipeline: Literal["json", "markdown"] = setting("form of a patch", "json", group=_HOW)
    semantic_item_marker_format: Literal["bracket", "heading"] = setting(
        "how items of a markdown patch begin", "bracket", group=_HOW
    )
    skip_translation: bool = setting("never ask the model for anchors", False, group=_HOW)
    disable_json_format_self_fix: bool = setting("send no bad reply back", False, group=_HOW)
    continue_evolving: bool = setting("make no backup; also evolve again", False, group=_HOW)

    min_support: int = setting("distinct trajectories a lesson needs", 1, least=1, group=_WHAT)
    route_low_support: bool = setting(
        "lessons below --min-support (at least 2) go to a reference and are not dropped",
        False,
        group=_WHAT,
    )
    allow_flagged: tuple[str, ...] = setting(
        f"let in what the screen or the review stops: rules ({', '.join(RULES)}) or ids of edits, "
        "comma separated; see the change log",
        (),
        unit="NAMES",
        group=_WHAT,
    )
    review: Literal["off", "model"] = setting(
        "model: one more call judges every edit of the final diff; harmful ones are left out",
        "off",
        group=_WHAT,
    )
    max_skill_lines: int = setting("SKILL.md stays under it", 500, least=1, group=_WHAT)
    embed_provenance: bool = setting(
        "lessons and their runs also go into the frontmatter's metadata", False, group=_WHAT
    )

    output_dir: Path | None = setting("gets a copy of the final skill", None, group=_FILES)
    save_intermediates: bool = setting("also patches and prompts, to read", False, group=_FILES)
    intermediates_dir: Path | None = setting(
        "paid replies to go on from, provenance.json",
        None,
        default_text="<skill folder>_parallel_output",
        group=_FILES,
    )
    parse_failure_dir: Path = setting(
        "replies that could not be read", Path("parse_failures_parallel"), group=_FILES
    )
    changelog: Path | None = setting(
        "counts, changes, diff, lessons and what was left out",
        None,
        default_text="<skills root>_evolution/<name>/change.log",
        group=_FILES,
    )
    patch_file: Path | None = setting("also write the applied diff here", None, group=_FILES)
    show_diff: bool = setting("print the diff before the skill is written", False, group=_FILES)

    seed: int | None = setting("sent with every request", None)
    max_tokens: int | None = setting("limit of one reply", None, least=1)
    cache_path: Path | None = setting("folder of replies to identical requests", None)
    dry_run: bool = setting("do all but write the skill; its calls are paid and kept", False)
    estimate: bool = setting("print calls, prompt tokens and cost; call nobody", False)
    model: ModelSettings = part(
        ModelSettings(model="gpt-4o", default_temperature=0.6, released_temperature=0.6),
        "model",
        max_tokens="max_total_tokens",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.allow_flagged:
            if name not in RULES and not re.fullmatch(r"(?:v\d+-)?[a-z]+\d[\w.]*", name):
                raise ContractError(
                    f"allow_flagged: {name} is neither a rule ({', '.join(RULES)}) nor the id of "
                    "an edit"
                )
        if None not in (self.shuffle_seed, self.sample_task_seed) and (
            self.shuffle_seed != self.sample_task_seed
        ):
            raise ContractError("shuffle_seed and sample_task_seed are one setting; give one")

    @property
    def sources(self) -> tuple[Source, ...]:
        """Record files and what they are about. Raises ContractError when there is none."""
        found: list[Source] = []
        if self.error_json:
            found.append((self.error_json, "error"))
        if self.success_json:
            found.append((self.success_json, "success"))
        if not found:
            raise ContractError("nothing to learn from: give --error-json, --success-json or both")
        return tuple(found)

    @property
    def about(self) -> LessonsOrAuto:
        """Which prompts speak; auto goes by the types of the items."""
        sources = self.sources
        return "combined" if len(sources) == 2 else sources[0][1]

    @property
    def order_seed(self) -> int | None:
        return self.sample_task_seed if self.shuffle_seed is None else self.shuffle_seed


@dataclass(frozen=True, kw_only=True)
class RecordsEvolution(Evolution):
    """The published command that takes one file of records."""

    input_json: Path = setting(
        "records or patterns, or the analysis folder that holds parsed_error_records.json"
    )
    lessons: LessonsOrAuto = setting(
        "which prompts speak; auto goes by the types of the items",
        "auto",
    )
    error_json: Path | None = setting("stands in input_json here", None, hidden=True)
    success_json: Path | None = setting("stands in input_json here", None, hidden=True)

    @property
    def sources(self) -> tuple[Source, ...]:
        return ((self.input_json, "success" if self.lessons == "success" else "error"),)

    @property
    def about(self) -> LessonsOrAuto:
        return self.lessons


@dataclass(frozen=True, kw_only=True)
class CombinedEvolution(Evolution):
    """The published command that needs both."""

    error_json: Path = setting("error records or patterns, or the analysis folder that holds them")
    success_json: Path = setting(
        "success records or patterns, or the analysis folder that holds them"
    )
    prompt: Literal["skill", "generic", "patterns", "patterns_generic"] = setting(
        "stays at its default here", "skill", hidden=True
    )


@dataclass(frozen=True, kw_only=True)
class Stability(Evolution):
    """Merge the same lessons again in other orders. MAP is paid once."""

    times: int = setting("how often to shuffle and merge", 3, least=1)
    merge_mode: Literal["together", "apart"] = setting(
        "stays at its default here", "together", hidden=True
    )
    gate: Literal["off", "patch"] = setting("stays at its default here", "off", hidden=True)
