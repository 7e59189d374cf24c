"""Everything an evolution needs besides the model: read and checked before any call."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.lessons.leaks import scan_tasks
from react_agent.errors import ContractError
from react_agent.files import digest, read_json
from react_agent.layout import BUDGET, CALLS, CHANGE_LOG, INTERMEDIATES, STATE
from react_agent.model import Model
from react_agent.registry import SKILL_FORMATS, find
from react_agent.skill_format import SkillFormat
from react_agent.skills import Skill, backups_folder
from skill_evolver.engine.history import files_digest
from skill_evolver.engine.inputs import LessonEntry, lessons_of, load_entries
from skill_evolver.engine.map_reduce import EvolutionSettings
from skill_evolver.engine.settings import Evolution, Lessons
from skill_evolver.engine.store import model_key
from skill_evolver.guard.guardrails import Guard
from skill_evolver.guard.screening import Screen
from skill_evolver.patches.codecs import JsonCodec, MarkdownCodec

log = logging.getLogger(__name__)
PARALLEL_OUTPUT = "_parallel_output"
"""Ends the name of the default intermediates, beside the skill."""


def home_of(folder: Path) -> Path:
    """Where evolutions of a skill leave what they say of themselves, unless told otherwise."""
    backups = backups_folder(folder)
    return backups.with_name(backups.name.replace("backups", "evolution")) / folder.name


@dataclass(frozen=True)
class Places:
    """Where an evolution leaves its files."""

    home: Path
    """Summary, change log and what is spent."""
    intermediates: Path
    changelog: Path
    budget: Path
    """The folder that counts what is spent."""

    @classmethod
    def of(cls, settings: Evolution, folder: Path) -> "Places":
        folder = folder.resolve()
        home = home_of(folder)
        olds = [p for p in (settings.output_dir, settings.intermediates_dir, folder, home) if p]
        """Where earlier versions kept replies and spendings: paid once is paid."""
        paid = [p / INTERMEDIATES for p in olds if (p / INTERMEDIATES / CALLS).is_dir()]
        usual = [*paid, folder.with_name(f"{folder.name}{PARALLEL_OUTPUT}")][0]
        return cls(
            home=home,
            intermediates=settings.intermediates_dir or usual,
            changelog=settings.changelog or home / CHANGE_LOG,
            budget=next((p for p in olds if (p / BUDGET).exists()), home),
        )

    @property
    def state(self) -> Path:
        return self.intermediates / STATE

    def read_state(self) -> dict[str, Any] | None:
        """How far the last evolution with these intermediates came, if that can be read."""
        if not self.state.exists():
            return None
        value = read_json(self.state)
        whole = isinstance(value, dict) and {"key", "before", "after", "done"} <= set(value)
        return value if whole else None


@dataclass(frozen=True)
class Job:
    settings: Evolution
    skill: Skill
    """As it is evolved from; on disk there may be more, left over by an earlier evolution."""
    engine: EvolutionSettings
    entries: list[LessonEntry]
    places: Places
    on_disk: Mapping[str, str]
    """The text files of the folder when all this was read."""
    format: SkillFormat

    def key(self, model: Model) -> str:
        """All that decides the result."""
        engine = replace(self.engine, workers=0)
        return digest(
            files_digest(self.skill.files),
            repr(engine),
            *(["apart"] if engine.apart else []),
            *([f"gate {engine.gate_turns}"] if engine.gate_turns else []),
            model_key(model),
            *(e.text for e in self.entries),
            *(name for e in self.entries for run in e.runs for name in run.counted),
        )

    def guard(self) -> Guard:
        """The frozen skill and what an edit is judged by."""
        runs = [run for entry in self.entries for run in entry.runs]
        names = [*(run.key for run in runs), *(run.task for run in runs)]
        text = "\n".join(self.skill.files.values())
        screen = Screen(frozenset(self.engine.allow_flagged))
        scan = scan_tasks(names, self.settings.data_path, text, self.settings.domain)
        others = frozenset(self.skill.other_files)
        return Guard(self.skill.files, scan, injections=screen, other_files=others)

    def as_before(self, model: Model) -> "Job":
        """After a kill between the swap and the bookkeeping: the job as it was before the swap. All
        its replies are on disk, so it costs nothing to come to the same skill and report it."""
        state = self.places.read_state()
        before = self._came_from(state, model)
        return self if before is None or (state and state["done"]) else before

    def finished_already(self, model: Model) -> bool:
        """A skill that this very evolution has written is not evolved by it a second time."""
        state = self.places.read_state()
        same = self._came_from(state, model) is not None
        return bool(same and state and state["done"] and not self.settings.continue_evolving)

    def _came_from(self, state: dict[str, Any] | None, model: Model) -> "Job | None":
        """The job that made the skill as it is, where it was this very one."""
        if not state or dict(self.skill.files) != state["after"]:
            return None
        before = replace(self, skill=replace(self.skill, files=state["before"]))
        return before if before.key(model) == state["key"] else None


def prepare(settings: Evolution) -> Job:
    """Read and check all inputs. Raises ContractError."""
    form: SkillFormat = find(SKILL_FORMATS, "the skill format", settings.skill_format)()
    skill = form.read(settings.skill_dir)
    faults = [p for p in form.check(skill, settings.max_skill_lines) if p.rule == "main"]
    if faults:
        raise ContractError(f"{skill.root}: {faults[0]}")
    _apart(settings.output_dir, skill.root)
    entries, patterns = load_entries(settings)
    kind = lessons_of(entries) if settings.about == "auto" else settings.about
    places = Places.of(settings, skill.root)
    state, on_disk = places.read_state(), skill.files
    if state and skill.files != state["before"] and _left_over(skill.files, state):
        log.warning("%s: files of the last evolution are left in it and are ignored", skill.root)
        skill = replace(skill, files=state["before"])
    if settings.merge_mode == "apart" and (kind != "combined" or settings.mode == "sequential"):
        raise ContractError(
            "--merge-mode apart needs lessons of failed and of successful runs, and --mode parallel"
        )
    if settings.gate == "patch" and (not settings.data_path or settings.mode == "sequential"):
        raise ContractError("--gate patch needs --data-path, and --mode parallel")
    engine = _engine(settings, kind, patterns)
    return Job(settings, skill, engine, entries, places, on_disk, form)


def _apart(copy: Path | None, skill: Path) -> None:
    if copy:
        one, other = copy.resolve(), skill.resolve()
        if one != other and (one.is_relative_to(other) or other.is_relative_to(one)):
            raise ContractError(
                f"--output-dir {copy}: lies in the skill or around it; a copy needs its own place"
            )


def _engine(settings: Evolution, kind: Lessons, patterns: bool) -> EvolutionSettings:
    variant: str = settings.prompt
    if patterns and not variant.startswith("patterns"):
        variant = "patterns_generic" if variant == "generic" else "patterns"
    codec: Any = JsonCodec()
    if settings.patch_pipeline == "markdown":
        codec = MarkdownCodec(settings.semantic_item_marker_format)
    return EvolutionSettings(
        lessons=kind,
        variant=variant,
        codec=codec,
        batch_size=settings.batch_size,
        merge_batch_size=settings.merge_batch_size,
        max_merge_levels=settings.max_merge_levels,
        apart=settings.merge_mode == "apart",
        workers=settings.max_workers,
        sequential=settings.mode == "sequential",
        skip_translation=settings.skip_translation,
        min_support=settings.min_support,
        route_low_support=settings.route_low_support,
        max_skill_lines=settings.max_skill_lines,
        self_fix=not settings.disable_json_format_self_fix,
        allow_flagged=tuple(sorted(set(settings.allow_flagged))),
        review=settings.review == "model",
        gate_turns=settings.gate_turns if settings.gate == "patch" else 0,
    )


def _left_over(files: Mapping[str, str], state: Mapping[str, Any]) -> bool:
    """Whether the folder is the skill as it was before the last evolution, plus files of that:
    what a plain copy of the seed skill over an evolved one gives."""
    extra = {p: t for p, t in files.items() if p not in state["before"]}
    rest = {p: t for p, t in files.items() if p in state["before"]}
    return rest == state["before"] and all(state["after"].get(p) == t for p, t in extra.items())
