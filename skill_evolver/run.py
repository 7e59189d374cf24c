"""One evolution from flags to a written skill: prepare, evolve, write, or leave all as it was."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from react_agent.cli import INCOMPLETE, OK
from react_agent.errors import ContractError, InfrastructureError
from react_agent.files import digest, digest_tree, read_json, write_json, write_whole
from react_agent.lock import only_start
from react_agent.model import Model
from react_agent.prices import Prices
from react_agent.skills import (
    Skill,
    backup,
    backups_folder,
    diff_files,
    find_skill,
    list_backups,
    only_editor,
    write_skill,
)
from skill_evolver.changelog import as_text, release_notes, summary
from skill_evolver.codecs import JsonCodec, MarkdownCodec
from skill_evolver.engine import Evolver, Settings, Unfinished
from skill_evolver.estimate import estimate
from skill_evolver.finish import Finished, Finisher
from skill_evolver.flags import NOT_WRITTEN
from skill_evolver.guardrails import Guard, flagged_problems
from skill_evolver.history import (
    Provenance,
    embed,
    files_digest,
    note_change,
    now,
    previous,
    save_provenance,
)
from skill_evolver.inputs import Entry, Lessons, Selection, lessons_of, load_entries
from skill_evolver.leaks import build_scan
from skill_evolver.rules import Problem, check, check_folder, new_problems
from skill_evolver.screening import Flagged, Screen, flagged_texts, listed
from skill_evolver.store import Store, model_key

log = logging.getLogger(__name__)
Source = tuple[Path, Literal["error", "success"]]


@dataclass(frozen=True)
class Places:
    """Where an evolution leaves its files."""

    output: Path
    intermediates: Path
    parse_failures: Path
    changelog: Path
    patch_file: Path | None

    @classmethod
    def of(cls, args: argparse.Namespace, folder: Path) -> "Places":
        backups = backups_folder(folder)
        kind = backups.name.replace("backups", "evolution")
        output = args.output_dir or backups.with_name(kind) / folder.resolve().name
        return cls(
            output,
            args.intermediates_dir or output / "intermediates",
            args.parse_failure_dir or output / "parse_failures_parallel",
            args.changelog or output / "change.log",
            args.patch_file,
        )

    @property
    def state(self) -> Path:
        return self.intermediates / "state.json"


@dataclass(frozen=True)
class Job:
    """Everything an evolution needs besides the model."""

    args: argparse.Namespace
    skill: Skill
    """As it is evolved from; on disk there may be more, left over by an earlier evolution."""
    settings: Settings
    entries: list[Entry]
    places: Places
    on_disk: Mapping[str, str]
    """The text files of the folder when all this was read."""

    def key(self, model: Model) -> str:
        """All that decides the result."""
        settings = replace(self.settings, workers=0)
        return digest(
            files_digest(self.skill.files),
            repr(settings),
            model_key(model),
            *(e.text for e in self.entries),
        )

    def guard(self) -> Guard:
        """The frozen skill and what an edit is judged by."""
        runs = [run for entry in self.entries for run in entry.runs]
        names = [*(run.key for run in runs), *(run.task for run in runs)]
        text = "\n".join(self.skill.files.values())
        screen = Screen(frozenset(self.settings.allow_flagged))
        scan = build_scan(names, self.args.data_path, text)
        others = frozenset(self.skill.other_files)
        return Guard(self.skill.files, scan, injections=screen, other_files=others)


def prepare(args: argparse.Namespace, sources: Sequence[Source], lessons: str) -> Job:
    """Read and check all inputs. Raises ContractError."""
    skill = find_skill(args.skill_dir)
    faults = [p for p in check(skill.files, other_files=skill.other_files) if p.rule == "main"]
    if faults:
        raise ContractError(f"{skill.root}: {faults[0]}")
    selection = Selection(
        args.data_path,
        args.start_idx,
        args.end_idx,
        args.shuffle_seed,
        args.sample_task_count,
        args.sample_task_seed,
    )
    entries, patterns = load_entries(sources, args.input_mode, selection)
    kind: Lessons = lessons_of(entries) if lessons == "auto" else lessons  # type: ignore[assignment]
    places = Places.of(args, skill.root)
    state, on_disk = _state(places), skill.files
    if state and skill.files != state["before"] and _left_over(skill.files, state):
        log.warning("%s: files of the last evolution are left in it and are ignored", skill.root)
        skill = replace(skill, files=state["before"])
    return Job(args, skill, _settings(args, kind, patterns), entries, places, on_disk)


def _settings(args: argparse.Namespace, kind: Lessons, patterns: bool) -> Settings:
    variant = getattr(args, "prompt", "skill")
    if patterns and not variant.startswith("patterns"):
        variant = "patterns_generic" if variant == "generic" else "patterns"
    codec: Any = JsonCodec()
    if args.patch_pipeline == "markdown":
        codec = MarkdownCodec(args.semantic_item_marker_format)
    return Settings(
        lessons=kind,
        variant=variant,
        codec=codec,
        batch_size=args.batch_size,
        merge_batch_size=args.merge_batch_size,
        max_merge_levels=args.max_merge_levels,
        workers=args.max_workers,
        sequential=args.mode == "sequential",
        skip_translation=args.skip_translation,
        min_support=args.min_support,
        route_low_support=args.route_low_support,
        max_skill_lines=args.max_skill_lines,
        self_fix=not args.disable_json_format_self_fix,
        allow_flagged=args.allow_flagged,
    )


def dry_run(job: Job) -> int:
    price = Prices.load(job.args.prices).find(job.args.model or "")
    print(estimate(job.skill, job.settings, job.entries, price))
    return OK


async def evolve(job: Job, model: Model) -> int:
    """Evolve and write; prints the summary. Raises Unfinished when calls are still owed."""
    with only_editor(job.skill.root), only_start(job.places.intermediates):
        return await _evolve(job, model)


async def _evolve(job: Job, model: Model) -> int:
    finished = _finished_already(job, model)
    if finished is not None:
        return finished
    job = _as_before(job, model)
    store = Store(
        job.places.intermediates,
        model,
        parse_failures=job.places.parse_failures,
        readable=job.args.save_intermediates,
        fixes=2 if job.settings.self_fix else 0,
    )
    earlier = previous(job.skill.root, job.skill)
    tag = f"v{earlier.evolutions + 1}-" if earlier else ""
    evolver = Evolver(job.skill, store, job.settings, tag=tag)
    highest = max((int(e.id[1:]) for e in earlier.lessons), default=0) if earlier else 0
    finisher = Finisher(evolver, job.skill.other_files, first_lesson=highest + 1)
    guard = job.guard()
    try:
        result = await _engine(job, evolver, finisher, guard)
    except InfrastructureError as error:
        raise Unfinished(f"the endpoint failed: {error}; run the same command again") from None
    return _conclude(job, model, finisher, result, guard, earlier)


async def _engine(job: Job, evolver: Evolver, finisher: Finisher, guard: Guard) -> Finished:
    if job.settings.sequential:
        return await finisher.sequential(evolver.batches(job.entries), guard)
    patch = await evolver.evolve(job.entries, guard)
    semantic = job.settings.codec.name == "markdown"
    if semantic:
        evolver.store.write_semantic("final_semantic_patch.md", patch, job.settings.codec)
    else:
        evolver.store.write_patch("final_patch.json", patch)
    return await finisher.finish(patch, guard)


def _conclude(
    job: Job,
    model: Model,
    finisher: Finisher,
    result: Finished,
    guard: Guard,
    earlier: Provenance | None,
) -> int:
    files, evolver = result.files, finisher.evolver
    flagged = listed(evolver.ledger, guard.injections)
    provenance = _provenance(job, evolver, result, earlier, flagged)
    if job.args.embed_provenance:
        files = embed(files, provenance)
        result.problems += flagged_problems(guard, files)
    changed = files != dict(job.skill.files)
    written = False
    if changed and not result.problems:
        written = _write(job, model, files, provenance, result)
    facts = summary(evolver, finisher, result, job.entries, written)
    facts["flagged"] = [entry.model_dump(mode="json") for entry in flagged]
    facts["flagged_lessons"] = flagged_texts([(e.key, e.text) for e in job.entries])
    _report(job, facts, provenance, files)
    if written:  # last of all: a kill before this has the reports written again
        write_json(job.places.state, {**(_state(job.places) or {}), "done": True})
    print(as_text(facts))
    nothing_left = bool(flagged) and not any(result.steps) and not changed
    if result.problems or nothing_left:
        return NOT_WRITTEN
    return INCOMPLETE if not facts["map_edits"] and evolver.failures else OK


def _report(
    job: Job, facts: dict[str, Any], provenance: Provenance, files: Mapping[str, str]
) -> None:
    diff = diff_files(job.skill.files, files)
    write_json(job.places.output / "evolution_summary.json", facts)
    save_provenance(job.places.intermediates / "provenance.json", provenance)
    write_whole(job.places.intermediates / "applied_diffs.patch", diff)
    if job.places.patch_file:
        write_whole(job.places.patch_file, diff)
    write_whole(job.places.changelog, release_notes(provenance))


def _provenance(
    job: Job,
    evolver: Evolver,
    result: Finished,
    earlier: Provenance | None,
    flagged: tuple[Flagged, ...],
) -> Provenance:
    """One file covers all evolutions since the skill was first evolved."""
    runs = {run.key: run for entry in job.entries for run in entry.runs}
    ledger = evolver.ledger
    chained = earlier is not None and not result.problems
    before = earlier if chained and earlier else Provenance(skill="", created="", base={})
    return Provenance(
        skill=str(job.skill.metadata.get("name", job.skill.name)),
        created=now(),
        settings={
            "lessons": job.settings.lessons,
            "codec": job.settings.codec.name,
            "variant": job.settings.variant,
            "model": getattr(evolver.store.model, "name", ""),
        },
        base=before.base or dict(job.skill.files),
        steps=(*before.steps, *(tuple(step) for step in result.steps)),
        max_skill_lines=job.settings.max_skill_lines,
        lessons=(*before.lessons, *result.lessons),
        nodes={**before.nodes, **dict(sorted(ledger.nodes.items()))},
        runs={**before.runs, **runs},
        dropped=(*before.dropped, *sorted(ledger.dropped, key=lambda d: (d.stage, d.id, d.rule))),
        flagged=(*before.flagged, *flagged),
        reverted=before.reverted,
        evolutions=(before.evolutions + 1) if chained else 1,
        embedded=job.args.embed_provenance,
    )


def _write(
    job: Job,
    model: Model,
    files: Mapping[str, str],
    provenance: Provenance,
    result: Finished,
) -> bool:
    """Swap the new skill in. The plan is on disk first, so a crash after the swap is recognised."""
    folder = job.skill.root
    result.problems += _changed_meanwhile(job, files)
    if result.problems:
        return False
    state = {
        "key": job.key(model),
        "before": dict(job.skill.files),
        "after": dict(files),
        "done": False,
    }
    save_provenance(job.places.intermediates / "provenance.json", provenance)
    write_json(job.places.state, state)
    before = check_folder(Skill.load(folder), job.settings.max_skill_lines)
    swapped = dict(Skill.load(folder).files) == dict(files)  # by a start that was killed since
    copy = None if job.args.continue_evolving else _backup_once(folder, swapped)
    if not swapped:
        write_skill(folder, files)
    faults = new_problems(before, check_folder(Skill.load(folder), job.settings.max_skill_lines))
    if faults:
        write_skill(folder, job.skill.files)
        result.problems += faults
        return False
    _keep(job, files, provenance, copy)
    return True


def _changed_meanwhile(job: Job, files: Mapping[str, str]) -> list[Problem]:
    """Files that somebody has changed since they were read, but to what is to be written."""
    now = Skill.load(job.skill.root).files
    if now in (job.on_disk, files):
        return []
    changed = [p for p in sorted({*now, *job.on_disk}) if now.get(p) != job.on_disk.get(p)]
    message = (
        "was changed while the skill was evolved and is left as it is; run the command again "
        "to evolve it as it is now, or put the change in with applied_diffs.patch"
    )
    return [Problem("changed", path, message) for path in changed]


def _keep(job: Job, files: Mapping[str, str], provenance: Provenance, copy: Path | None) -> None:
    """The provenance lies with the backups too, where the skill's own commands find it."""
    folder = job.skill.root
    name = f"{folder.resolve().name}_provenance"
    file = backups_folder(folder) / name / f"{files_digest(files)[:16]}.json"
    save_provenance(file, provenance)
    note_change(folder, "evolved", job.skill.files, files, copy, file)


def _backup_once(folder: Path, swapped: bool) -> Path:
    """A start that follows a crash finds the copy that the crashed one made."""
    for earlier in reversed(list_backups(folder)):
        if swapped or digest_tree(earlier) == digest_tree(folder):
            return earlier
    return backup(folder)


def _state(places: Places) -> dict[str, Any] | None:
    if not places.state.exists():
        return None
    value = read_json(places.state)
    whole = isinstance(value, dict) and {"key", "before", "after", "done"} <= set(value)
    return value if whole else None


def _left_over(files: Mapping[str, str], state: Mapping[str, Any]) -> bool:
    """Whether the folder is the skill as it was before the last evolution, plus files of that:
    what a plain copy of the seed skill over an evolved one gives."""
    extra = {p: t for p, t in files.items() if p not in state["before"]}
    rest = {p: t for p, t in files.items() if p in state["before"]}
    return rest == state["before"] and all(state["after"].get(p) == t for p, t in extra.items())


def _as_before(job: Job, model: Model) -> Job:
    """After a kill between the swap and the bookkeeping: the job as it was before the swap. All
    its replies are on disk, so it costs nothing to come to the same skill and report it."""
    state = _state(job.places)
    if not state or state["done"] or dict(job.skill.files) != state["after"]:
        return job
    before = replace(job, skill=replace(job.skill, files=state["before"]))
    return before if before.key(model) == state["key"] else job


def _finished_already(job: Job, model: Model) -> int | None:
    """A skill that this very evolution has written is not evolved by it a second time."""
    state = _state(job.places)
    if not state or dict(job.skill.files) != state["after"]:
        return None
    before = replace(job, skill=replace(job.skill, files=state["before"]))
    if before.key(model) != state["key"]:
        return None
    if not state["done"] or job.args.continue_evolving:
        return None
    print(f"{job.skill.root}: evolved by these records and settings already; nothing to do")
    return OK
