"""From the merged patch to a skill that keeps its rules: anchors, judgement, build, repair."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from react_agent.layout import FINAL_PATCH
from react_agent.model import Message, briefing
from react_agent.skill_format import Problem
from skill_evolver.engine.asking import PROMPTS
from skill_evolver.engine.map_reduce import Evolver
from skill_evolver.engine.views import skill_view
from skill_evolver.guard.guardrails import Guard, flagged_problems
from skill_evolver.guard.screening import PREFIX
from skill_evolver.lineage.grouping import Lesson, group, in_order, numbered, of_edits, route
from skill_evolver.lineage.provenance import derive, merge_by_code, title_of
from skill_evolver.patches.anchors import already_there, by_hint, elsewhere, nearest
from skill_evolver.patches.apply import Splice, apply_edits, from_files, place
from skill_evolver.patches.build import Built, build, without_broken_pairs
from skill_evolver.patches.codecs import JsonCodec
from skill_evolver.patches.patch import Edit, ExactEdit, Patch, SemanticEdit
from skill_evolver.patches.rules import mentions, new_problems

log = logging.getLogger(__name__)
MAX_REPAIRS = 3
ANCHORS = ("exact", "fuzzy", "other file", "model", "by code")
"""How the place of an edit was found; only `model` costs a call."""
EditStep = list[ExactEdit]


@dataclass
class Finished:
    """What an evolution made; `problems` is empty when the skill may be written."""

    files: dict[str, str]
    built: Built
    steps: list[EditStep]
    lessons: list[Lesson]
    problems: list[Problem] = field(default_factory=list)
    repairs: int = 0


@dataclass
class Finisher:
    evolver: Evolver
    other_files: Sequence[str] = ()
    first_lesson: int = 1
    anchors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ANCHORS, 0))

    async def finish(self, patch: Patch, guard: Guard) -> Finished:
        """The merged patch carried out on the frozen skill, checked and repaired."""
        ledger, settings = self.evolver.ledger, self.evolver.settings
        edits = await self.exact(patch, guard)
        edits, lessons = self.sift(edits, guard)
        if settings.route_low_support:
            edits = route(ledger, lessons, edits, max(2, settings.min_support), self.evolver.tag)
        edits, built = self._built(edits, guard)
        result = await self.verify(guard, [edits], built)
        result.lessons = of_edits(lessons, {e.id for e in edits}, self.first_lesson)
        return result

    def _built(self, edits: list[ExactEdit], guard: Guard) -> tuple[list[ExactEdit], Built]:
        """The edits that can be carried out, and say nothing together that the screen stops."""
        limit = self.evolver.settings.max_skill_lines
        while True:
            edits, refused, built = without_broken_pairs(guard.files, edits, limit)
            for edit, why in refused:
                self._drop(edit, "apply", why.rule, why.reason)
            flagged = guard.injections.whole(built.document, guard.files)
            if not flagged:
                return edits, built
            for edit in (e for e in edits if e.id in flagged):
                found = flagged[edit.id]
                self._drop(edit, "apply", f"{PREFIX}{found.rule}", found.excerpt)
            edits = self._screened([e for e in edits if e.id not in flagged], guard, "apply")

    async def exact(self, patch: Patch, guard: Guard) -> list[ExactEdit]:
        """Every edit in a form that code can carry out: exact, near enough, else translated."""
        tag = self.evolver.tag
        patch = merge_by_code(
            self.evolver.ledger, [patch], prefix=f"{tag}u", patch_file=FINAL_PATCH
        )
        exact = [e for e in patch.edits if isinstance(e, ExactEdit)]
        semantic = [e for e in patch.edits if isinstance(e, SemanticEdit)]
        done, lost = self._placeable(exact, guard.files)
        unclear: list[tuple[Edit, str]] = [*lost, *((e, "") for e in semantic)]
        translated = await self._translated(unclear, guard)
        known = {*guard.files, *(e.file for e in [*done, *translated] if e.op == "create")}
        done += [self._somewhere(e, guard.files) if e.file in known else e for e in translated]
        self.evolver.store.write_patch("translated_final_patch.json", patch.with_edits(tuple(done)))
        return done

    def _placeable(
        self, edits: Sequence[ExactEdit], files: Mapping[str, str]
    ) -> tuple[list[ExactEdit], list[tuple[ExactEdit, str]]]:
        """The edits that code can place, some of them in the file where their anchor really is;
        and the others, with the reason."""
        trial = apply_edits(from_files(files), edits)
        for splice in trial.done:
            self.anchors[splice.how] += 1
        lost = {e.id: why.reason for e, why in trial.left if why.unclear}
        done = [e for e in edits if e.id not in lost]
        unclear = []
        for edit in edits:
            if edit.id in lost:
                moved = elsewhere(edit, files)
                if moved:
                    self.anchors["other file"] += 1
                    done.append(moved)
                else:
                    unclear.append((edit, lost[edit.id]))
        return done, unclear

    def _somewhere(self, edit: ExactEdit, files: Mapping[str, str]) -> ExactEdit:
        """A translated edit; where the model has found no place either, the nearest section."""
        if edit.file not in files or isinstance(place(files, edit), Splice):
            return edit
        moved = elsewhere(edit, files) or nearest(edit, files)
        if moved is None:
            return edit
        self.anchors["by code"] += 1
        return moved

    async def _translated(
        self, unclear: Sequence[tuple[Edit, str]], guard: Guard
    ) -> list[ExactEdit]:
        work = [self._translate(edit, why, guard) for edit, why in unclear]
        found = await asyncio.gather(*work, return_exceptions=True)
        for result in found:  # only now: what was in flight is paid for and on disk
            if isinstance(result, BaseException):
                raise result
        return [edit for edits in found if not isinstance(edits, BaseException) for edit in edits]

    async def _translate(self, edit: Edit, reason: str, guard: Guard) -> list[ExactEdit]:
        """One edit made exact by the model, or by code when that fails or is not wanted."""
        patch: Patch | None = None
        name = f"translate_{edit.id}"
        if not self.evolver.settings.skip_translation:
            self.anchors["model"] += 1
            talk = await self.evolver.ask(
                name, self._question(edit, reason, guard.files), priority=1, parse=JsonCodec().parse
            )
            patch = talk.value
            if patch is None:
                self.evolver.failures.append(f"{name}: {talk.complaint.splitlines()[0]}")
        made: Sequence[Edit] = [e for e in patch.edits if isinstance(e, ExactEdit)] if patch else []
        if not made:
            made = by_hint(edit, guard.files)
        if not made and isinstance(edit, ExactEdit):
            made = [edit]  # code looks for the nearest place
        if not made:
            self._drop(edit, "translation", "anchor", reason or "its place was not found")
            return []
        derived = derive(self.evolver.ledger, made, edit, f"calls/{name}.json")
        return [e for e in derived if isinstance(e, ExactEdit)]

    def _question(self, edit: Edit, reason: str, files: Mapping[str, str]) -> list[Message]:
        text = self.evolver.settings.codec.render(Patch(edits=(edit,)), {})
        view = skill_view(files, self.other_files)
        user = PROMPTS.render("translate/user.j2", **view, reason=reason, edit=text)
        return briefing(PROMPTS.render("translate/system.j2"), user)

    def sift(
        self, edits: Sequence[ExactEdit], guard: Guard
    ) -> tuple[list[ExactEdit], list[Lesson]]:
        """Guardrails, trial application and support, in this order; survivors by support."""
        exact = self._screened(edits, guard, "final")
        sound: list[ExactEdit] = []
        for edit in exact:
            named = mentions(edit.content)
            mates = [e for e in exact if e.op == "create" and e.file in named and e is not edit]
            faults = guard.trial(edit, mates)
            known = already_there(edit, guard.files)
            if faults or known:
                rule, why = ("trial", str(faults[0])) if faults else ("known", known)
                self._drop(edit, "final", rule, why)
            else:
                sound.append(edit)
        sound = self._screened(sound, guard, "final")  # a dropped edit may leave its pair alone
        lessons = group(self.evolver.ledger, sound, self.first_lesson)
        return self._supported(sound, lessons)

    def _screened(self, edits: Sequence[ExactEdit], guard: Guard, stage: str) -> list[ExactEdit]:
        """What the guardrails let pass."""
        kept, objections = guard.screen(edits)
        for objection in objections:
            self._drop(objection.edit, stage, objection.rule, objection.reason)
        return [e for e in kept if isinstance(e, ExactEdit)]

    def _supported(
        self, edits: Sequence[ExactEdit], lessons: Sequence[Lesson]
    ) -> tuple[list[ExactEdit], list[Lesson]]:
        settings = self.evolver.settings
        keeps = settings.min_support if not settings.route_low_support else 0
        by_id = {e.id: e for e in edits}
        alive = []
        for lesson in lessons:
            if lesson.support >= keeps:
                alive.append(lesson)
                continue
            for name in lesson.edits:
                reason = f"{lesson.support} of at least {keeps} trajectories"
                self._drop(by_id[name], "final", "min-support", reason)
        chosen = [e for e in edits if any(e.id in lesson.edits for lesson in alive)]
        ordered = in_order(alive, chosen)
        if settings.apart:  # of two edits on the same lines the first stands
            ordered.sort(key=lambda edit: "error" not in self.evolver.kinds_of([edit]))
        return ordered, alive

    async def verify(self, guard: Guard, steps: list[EditStep], built: Built) -> Finished:
        """The rules on the whole folder, and up to three rounds of mending by the model."""
        limit = self.evolver.settings.max_skill_lines
        result = Finished(built.files, built, steps, [])
        for attempt in range(1, MAX_REPAIRS + 2):
            result.problems = self.problems(guard, result.files)
            if not result.problems or attempt > MAX_REPAIRS:
                break
            result.repairs = attempt
            repairs = await self._repair(attempt, result, guard)
            result.steps = [*result.steps, repairs]
            result.built = build(guard.files, result.steps, limit)
            result.files = result.built.files
        return result

    def problems(self, guard: Guard, files: Mapping[str, str]) -> list[Problem]:
        """What is wrong with the skill now, and was not at the start."""
        limit = self.evolver.settings.max_skill_lines
        before, after = (self.evolver.check(f, limit) for f in (guard.files, files))
        return new_problems(before, after) + flagged_problems(guard, files)

    async def _repair(self, attempt: int, result: Finished, guard: Guard) -> EditStep:
        view = skill_view(result.files, self.other_files)
        problems = [str(p) for p in result.problems]
        user = PROMPTS.render("verify/user.j2", **view, problems=problems)
        talk = await self.evolver.ask(
            f"verify_{attempt}",
            briefing(PROMPTS.render("verify/system.j2"), user),
            priority=1,
            parse=JsonCodec().parse,
        )
        current = replace(guard, files=result.files)
        made: EditStep = []
        for number, edit in enumerate(talk.value.edits if talk.value else (), start=1):
            name = f"{self.evolver.tag}r{attempt}.{number}"
            new = edit.model_copy(update={"id": name, "sources": ()})
            broken = current.one(new)
            if broken:
                self.evolver.ledger.refuse(name, "repair", *broken, title_of(new))
            elif isinstance(new, ExactEdit):
                self._enter_repair(new, result)
                made.append(new)
        return made

    def _enter_repair(self, edit: ExactEdit, result: Finished) -> None:
        """A repair belongs to an edit of the same file: without that there was nothing to mend."""
        done: list[Splice] = result.built.done
        near = next((s.edit.id for s in done if s.edit.file == edit.file), "")
        near = near or next((s.edit.id for s in done), "")
        self.evolver.ledger.add(edit, "repair", "", beside=near)

    def _drop(self, edit: Edit, stage: str, rule: str, reason: str) -> None:
        self.evolver.ledger.drop(edit, stage, rule, reason)

    async def sequential(self, batches: Sequence[Any], guard: Guard) -> Finished:
        """One batch after the other, each against what the one before left; a batch that breaks
        the rules is taken back whole."""
        limit = self.evolver.settings.max_skill_lines
        steps: list[EditStep] = []
        built = build(guard.files, steps, limit)
        lessons: list[Lesson] = []
        for number, batch in enumerate(batches, start=1):
            files = built.files
            now = replace(guard, files=files)
            patches = await self.evolver.propose(number, batch, files, now)
            if not patches:
                continue
            edits = await self.exact(patches[0], now)
            kept, found = self.sift(edits, now)
            kept, refused, _ = without_broken_pairs(files, kept, limit)
            for edit, why in refused:
                self._drop(edit, "apply", why.rule, why.reason)
            tried = build(guard.files, [*steps, kept], limit)
            faults = self.problems(guard, tried.files)
            if faults:
                for edit in kept:
                    self._drop(edit, "apply", "batch taken back", str(faults[0]))
                continue
            steps.append(kept)
            built = tried
            ids = {e.id for e in kept}
            lessons += [le for le in found if ids.intersection(le.edits)]
        lessons = numbered(lessons, self.first_lesson)
        log.info("%d of %d batches kept", len(steps), len(batches))
        return Finished(built.files, built, steps, lessons)
