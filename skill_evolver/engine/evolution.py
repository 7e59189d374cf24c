"""One evolution: prepare, evolve, and write the skill or leave all as it was."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from react_agent.errors import InfrastructureError
from react_agent.files import write_json, write_whole
from react_agent.layout import EVOLUTION_SUMMARY, FINAL_PATCH, PROVENANCE
from react_agent.lock import only_start
from react_agent.model import Model, Transport
from react_agent.models.connect import Connection
from react_agent.models.spending.prices import Prices
from react_agent.skills import diff_files, only_editor
from skill_evolver.engine.changelog import as_text, change_log, summary
from skill_evolver.engine.display import shown
from skill_evolver.engine.estimate import estimate
from skill_evolver.engine.finish import Finished, Finisher
from skill_evolver.engine.history import (
    PatchTrial,
    Provenance,
    embed,
    now,
    previous,
    save_provenance,
)
from skill_evolver.engine.job import Job, prepare
from skill_evolver.engine.map_reduce import Evolver, Unfinished
from skill_evolver.engine.patch_gate import PatchGate, gate_plan
from skill_evolver.engine.result import EvolutionResult
from skill_evolver.engine.review import reviewed
from skill_evolver.engine.settings import Evolution
from skill_evolver.engine.store import Store
from skill_evolver.engine.writing import copy_out, write, write_diff
from skill_evolver.guard.echo import change_of
from skill_evolver.guard.guardrails import Guard, flagged_problems
from skill_evolver.guard.screening import Flagged, Review, flagged_texts, listed

log = logging.getLogger(__name__)


async def evolve(
    settings: Evolution,
    *,
    transport: Transport | None = None,
    show: Callable[[str], None] | None = None,
) -> EvolutionResult:
    """Evolve and write. `transport` answers in place of the endpoint; `show` is given the diff
    before the skill changes.

    Raises ContractError for inputs that do not fit, and Unfinished when calls are still owed.
    """
    job = prepare(settings)
    if settings.estimate:
        return EvolutionResult(job.skill.root, text=estimated(job))
    if job.engine.gate_turns:
        log.warning(gate_plan(job))
    async with connected(job, transport) as model:
        return await carry_out(job, model, show)


@asynccontextmanager
async def connected(job: Job, transport: Transport | None = None) -> AsyncIterator[Model]:
    """The model that the job's settings name."""
    settings, places = job.settings, job.places
    told = settings.model
    if settings.cache_path and not told.reply_cache:
        told = replace(told, reply_cache=settings.cache_path)
    folders = [places.budget, places.home, places.intermediates, job.skill.root]
    async with Connection(
        told, workers=settings.max_workers, folders=folders, transport=transport
    ) as endpoint:
        model = endpoint.model(seed=settings.seed)
        if settings.max_tokens:
            model.parameters["max_tokens"] = settings.max_tokens
        yield model


def estimated(job: Job) -> str:
    """What it would cost, in words; calls nobody."""
    price = Prices.load(job.settings.model.budget.prices).find(job.settings.model.model or "")
    said = estimate(job.skill, job.engine, job.entries, price)
    return f"{said}\n{gate_plan(job)}" if job.engine.gate_turns else said


async def carry_out(
    job: Job, model: Model, show: Callable[[str], None] | None = None
) -> EvolutionResult:
    """The evolution with a model at hand. Raises Unfinished when calls are still owed."""
    with only_editor(job.skill.root), only_start(job.places.intermediates):
        return await _evolve(job, model, show or (lambda _: None))


async def _evolve(job: Job, model: Model, show: Callable[[str], None]) -> EvolutionResult:
    root = job.skill.root
    if job.finished_already(model):
        _copy_out(job, job.skill.files)
        text = f"{root}: evolved by these records and settings already; nothing to do"
        return EvolutionResult(root, text=text)
    job = job.as_before(model)
    store = Store(
        job.places.intermediates,
        model,
        parse_failures=job.settings.parse_failure_dir,
        readable=job.settings.save_intermediates,
        fixes=2 if job.engine.self_fix else 0,
    )
    earlier = previous(root, job.skill)
    tag = f"v{earlier.evolutions + 1}-" if earlier else ""
    evolver = Evolver(job.skill, store, job.engine, tag=tag, form=job.format)
    highest = max((int(e.id[1:]) for e in earlier.lessons), default=0) if earlier else 0
    finisher = Finisher(evolver, job.skill.other_files, first_lesson=highest + 1)
    guard = job.guard()
    gate = PatchGate(job) if job.engine.gate_turns else None
    evolver.gate = gate.refuses if gate else None
    review: Review | None = None
    try:
        with shown(evolver, job.entries):
            result = await _engine(job, evolver, finisher, guard)
            if job.engine.review:
                result, review = await reviewed(finisher, result, guard)
    except InfrastructureError as error:
        raise Unfinished(f"the endpoint failed: {error}; run the same command again") from None
    gated = tuple(gate.trials) if gate else ()
    return _conclude(job, model, finisher, result, guard, earlier, review, gated, show)


async def _engine(job: Job, evolver: Evolver, finisher: Finisher, guard: Guard) -> Finished:
    if job.engine.sequential:
        return await finisher.sequential(evolver.batches(job.entries), guard)
    patch = await evolver.evolve(job.entries, guard)
    evolver.write("final_semantic_patch.md" if evolver.semantic else FINAL_PATCH, patch)
    return await finisher.finish(patch, guard)


def _conclude(
    job: Job,
    model: Model,
    finisher: Finisher,
    result: Finished,
    guard: Guard,
    earlier: Provenance | None,
    review: Review | None,
    gated: tuple[PatchTrial, ...],
    show: Callable[[str], None],
) -> EvolutionResult:
    files, evolver = result.files, finisher.evolver
    taught = change_of(guard.files, files)
    flagged = listed(evolver.ledger, guard.injections)
    provenance = _provenance(job, evolver, result, earlier, flagged)
    provenance = provenance.model_copy(update={"review": review, "gated": gated})
    if job.settings.embed_provenance:
        files = embed(files, provenance)
        result.problems += flagged_problems(guard, files)
    diff = diff_files(job.skill.files, files)
    where = write_diff(job, diff)
    show(diff)
    changed = tuple(p for p in sorted({*files, *guard.files}) if files.get(p) != guard.files.get(p))
    written = False
    if changed and not result.problems and not job.settings.dry_run:
        written = write(job, model, files, provenance, result)
    facts = summary(evolver, finisher, result, job.entries, written)
    facts["flagged"] = [entry.model_dump(mode="json") for entry in flagged]
    facts["flagged_lessons"] = flagged_texts([(e.key, e.text) for e in job.entries])
    facts |= {
        "diff": where,
        "change": taught.model_dump(mode="json"),
        "review": review.model_dump(mode="json") if review else None,
        "gate": [trial.model_dump(mode="json") for trial in gated],
    }
    write_json(job.places.home / EVOLUTION_SUMMARY, facts)
    save_provenance(job.places.intermediates / PROVENANCE, provenance)
    write_whole(job.places.changelog, change_log(provenance, facts, result, diff))
    problems = tuple(map(str, result.problems))
    if not problems:
        _copy_out(job, guard.files)
    if written:  # last of all: a kill before this has the reports written again
        write_json(job.places.state, {**(job.places.read_state() or {}), "done": True})
    if flagged and not any(result.steps) and not changed:
        problems = problems or ("nothing but flagged edits came",)
    return EvolutionResult(
        skill=job.skill.root,
        written=written,
        changed=changed,
        lessons=tuple(result.lessons),
        diff=diff,
        problems=problems,
        owed=tuple(evolver.failures) if not facts["map_edits"] else (),
        summary=facts,
        text=as_text(facts),
    )


def _copy_out(job: Job, before: Mapping[str, str]) -> None:
    if job.settings.output_dir and not job.settings.dry_run:
        copy_out(job.format.read(job.skill.root), before, job.settings.output_dir)


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
            "lessons": job.engine.lessons,
            "codec": job.engine.codec.name,
            "variant": job.engine.variant,
            "format": job.settings.skill_format,
            "model": getattr(evolver.store.model, "name", ""),
            "sampling": getattr(evolver.store.model, "parameters", {}),
            "mode": job.settings.mode,
            "merge_mode": job.settings.merge_mode,
            "batch_size": job.engine.batch_size,
            "merge_batch_size": job.engine.merge_batch_size,
        },
        base=before.base or dict(job.skill.files),
        steps=(*before.steps, *(tuple(step) for step in result.steps)),
        max_skill_lines=job.engine.max_skill_lines,
        lessons=(*before.lessons, *result.lessons),
        nodes={**before.nodes, **dict(sorted(ledger.nodes.items()))},
        runs={**before.runs, **runs},
        dropped=(*before.dropped, *sorted(ledger.dropped, key=lambda d: (d.stage, d.id, d.rule))),
        flagged=(*before.flagged, *flagged),
        reverted=before.reverted,
        evolutions=(before.evolutions + 1) if chained else 1,
        embedded=job.settings.embed_provenance,
    )
