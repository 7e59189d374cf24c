"""MAP and REDUCE: lessons become patches against one frozen skill, patches become one patch.

What varies (kind of lessons, codec, prompt, records or patterns) is a value in `Settings`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from react_agent.errors import InfrastructureError, ModelError, RunStopped, Trace2SkillError
from react_agent.model import Message, briefing
from react_agent.skill_format import Problem, SkillFormat
from react_agent.skills import Skill
from react_agent.text import one_line
from skill_evolver.engine.asking import PROMPTS, Talk
from skill_evolver.engine.inputs import LessonEntry, lessons_of
from skill_evolver.engine.settings import Lessons
from skill_evolver.engine.store import Store
from skill_evolver.engine.tree import Slots, groups, levels, levels_apart
from skill_evolver.engine.views import outline_view, passages_of, skill_view
from skill_evolver.guard.guardrails import Guard
from skill_evolver.guard.screening import PREFIX, fresh
from skill_evolver.lineage.provenance import Ledger, leaf, merge_by_code, settle
from skill_evolver.patches.agentskills import AgentSkills
from skill_evolver.patches.codecs import Codec, JsonCodec, Shown
from skill_evolver.patches.patch import Edit, Patch
from skill_evolver.patches.rules import MAX_REFERENCE_LINES, MAX_SKILL_LINES

T = TypeVar("T")
REASONING_SHOWN = 300
MAX_REFERENCES = 8
"""Asked for: an agent that has to choose among more opens none."""


@dataclass(frozen=True)
class EvolutionSettings:
    lessons: Lessons = "error"
    """Which prompts speak: templates map/<lessons>.j2 and merge/<lessons>.j2."""
    variant: str = "skill"
    """skill, generic, patterns or patterns_generic: the template map/_domain_<variant>.j2."""
    codec: Codec = field(default_factory=JsonCodec)
    batch_size: int = 1
    merge_batch_size: int = 5
    max_merge_levels: int = 5
    apart: bool = field(default=False, repr=False)
    """Errors and successes are merged among themselves first. Out of `repr`, which tells finished
    evolutions from others."""
    workers: int = 4
    sequential: bool = False
    """Each batch edits the skill that the batch before it left; nothing is merged."""
    skip_translation: bool = False
    min_support: int = 1
    route_low_support: bool = False
    max_skill_lines: int = MAX_SKILL_LINES
    self_fix: bool = True
    allow_flagged: tuple[str, ...] = ()
    review: bool = False
    """A model judges the final diff."""
    gate_turns: int = field(default=0, repr=False)
    """Of the agent that tries each proposed patch on its own task; 0: nothing is tried."""


class Unfinished(Trace2SkillError):
    """Calls are still owed; the next start goes on from what is on disk."""

    owed = True


@dataclass
class Evolver:
    skill: Skill
    store: Store
    settings: EvolutionSettings
    ledger: Ledger = field(default_factory=Ledger)
    form: SkillFormat = field(default_factory=AgentSkills)
    tag: str = ""
    """Put before every edit id, so that a second evolution of a skill has ids of its own."""
    failures: list[str] = field(default_factory=list)
    """MAP and merge calls without a usable reply, and the reasons."""
    merges: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, str] = field(default_factory=dict)
    """Of runs, by key: error or success."""
    down: ModelError | None = None
    """Set by the first call that found no endpoint, budget or account: no other is started."""
    gate: "Callable[[int, Patch, Sequence[LessonEntry]], Awaitable[str]] | None" = None
    """Says why a proposed patch may not be merged; empty where it may."""
    ended: Callable[[], object] = lambda: None
    """Told of each planned call, also of a merge that had nothing to merge."""

    def __post_init__(self) -> None:
        self.slots = Slots(self.settings.workers)

    def check(self, files: Mapping[str, str], limit: int) -> list[Problem]:
        return self.form.check(replace(self.skill, files=files), limit)

    def map_prompt(self, files: Mapping[str, str], batch: Sequence[LessonEntry]) -> list[Message]:
        """Instructions and skill first, the entries last: all MAP prompts begin alike."""
        user = PROMPTS.render(
            "map/user.j2",
            **skill_view(files, self.skill.other_files),
            entries=[entry.text for entry in batch],
        )
        lessons = lessons_of(batch) if self.settings.apart else self.settings.lessons
        system = PROMPTS.render(
            f"map/{lessons}.j2",
            domain=f"map/_domain_{self.settings.variant}.j2",
            several=self.settings.batch_size > 1,
            max_skill_lines=self.settings.max_skill_lines,
            max_reference_lines=MAX_REFERENCE_LINES,
            max_references=MAX_REFERENCES,
            **self._format(),
        )
        return briefing(system, user)

    def _format(self) -> dict[str, Any]:
        codec = self.settings.codec
        marker = getattr(codec, "marker", "bracket")
        return {"format_template": codec.format_template, "marker": marker, "codec": codec.name}

    async def ask(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        priority: int,
        parse: Callable[[str], T],
    ) -> Talk[T]:
        """One call in a slot. A request that the endpoint refuses is a Talk without a value; an
        endpoint that is down ends the run, since that is no model's failure."""
        async with self.slots.take(priority):
            if self.down:
                raise self.down
            try:
                try:
                    return await self.store.ask(name, messages, parse)
                except InfrastructureError:  # the bad luck of one call would end them all
                    return await self.store.ask(name, messages, parse)
            except (InfrastructureError, RunStopped) as error:
                self.down = error
                raise
            except ModelError as error:
                if error.fatal:  # a skill from what came before would pass for the whole
                    self.down = error
                    raise
                return Talk(complaint=str(error))
            finally:
                self.ended()

    def batches(self, entries: Sequence[LessonEntry]) -> list[list[LessonEntry]]:
        """Of one kind of lessons each, where these are merged apart; those of errors first."""
        return [batch for side in self._sides(entries) for batch in side]

    def _sides(self, entries: Sequence[LessonEntry]) -> list[list[list[LessonEntry]]]:
        size = self.settings.batch_size
        if not self.settings.apart:
            return [groups(entries, size)]
        solved = [entry for entry in entries if lessons_of([entry]) == "success"]
        failed = [entry for entry in entries if lessons_of([entry]) != "success"]
        return [groups(side, size) for side in (failed, solved)]

    def plan(self, entries: Sequence[LessonEntry]) -> list[list[list[int]]]:
        """For every merge level its groups."""
        sides = [len(side) for side in self._sides(entries)]
        size, cap = self.settings.merge_batch_size, self.settings.max_merge_levels
        return levels_apart(sides, size, cap) if len(sides) > 1 else levels(sides[0], size, cap)

    async def propose(
        self, number: int, batch: Sequence[LessonEntry], files: Mapping[str, str], guard: Guard
    ) -> list[Patch]:
        """MAP one batch: one patch, or none when nothing usable came back."""
        name = f"map_{number:04}"
        prompt, parse = self.map_prompt(files, batch), self.settings.codec.parse
        talk = await self.ask(name, prompt, priority=0, parse=parse)
        patch = talk.value or talk.partial
        if talk.value is None:
            saved = len(patch.edits) if patch else 0
            reason = talk.complaint.split("\n")[0]
            self.failures.append(f"{name}: {reason} ({saved} readable edits kept)")
        return [self._entered(number, patch, batch, guard)] if patch and patch.edits else []

    def _entered(
        self, number: int, patch: Patch, batch: Sequence[LessonEntry], guard: Guard
    ) -> Patch:
        """Give the edits ids and their runs, then let the guardrails see them."""
        file = f"map_semantic/patch_{number:04}.md" if self.semantic else ""
        file = file or f"map_patches/patch_{number:04}.json"
        runs = [run.key for entry in batch for run in entry.runs]
        self.kinds |= {run.key: run.kind for entry in batch for run in entry.runs}
        self.ledger.counted |= {r.key: r.counted for e in batch for r in e.runs if r.counted}
        edits = []
        for count, edit in enumerate(patch.edits, start=1):
            named = [r.key for e in batch if e.key in edit.sources for r in e.runs]
            edit = edit.model_copy(
                update={"id": f"{self.tag}m{number:04}.{count}", "sources": tuple(named)}
            )
            edits.append(leaf(self.ledger, edit, file, runs))
        patch = patch.with_edits(edits)
        self.write(file, patch)
        kept, objections = guard.screen(patch.edits)
        for objection in objections:
            self.ledger.drop(objection.edit, "map", objection.rule, objection.reason)
        return self._reasoned(number, patch, guard).with_edits(kept)

    def _reasoned(self, number: int, patch: Patch, guard: Guard) -> Patch:
        """The patch without a reasoning that is flagged: merges would read it."""
        name = f"{self.tag}m{number:04}.reasoning"
        finding = guard.injections.stop(name, fresh(patch.reasoning, guard.files))
        if finding is None:
            return patch
        self.ledger.refuse(name, "map", f"{PREFIX}{finding.rule}", finding.excerpt, "reasoning")
        return patch.model_copy(update={"reasoning": ""})

    @property
    def semantic(self) -> bool:
        return self.settings.codec.name == "markdown"

    def write(self, file: str, patch: Patch) -> None:
        if self.semantic:
            self.store.write_semantic(file, patch, self.settings.codec)
        else:
            self.store.write_patch(file, patch)

    async def evolve(self, entries: Sequence[LessonEntry], guard: Guard) -> Patch:
        """MAP and REDUCE as one tree: a group is merged as soon as its members are there."""
        batches = enumerate(self.batches(entries), start=1)
        leaves = [self._gated(n, b, guard) for n, b in batches]
        return await self.reduce(leaves, self.plan(entries))

    async def _gated(self, number: int, batch: Sequence[LessonEntry], guard: Guard) -> list[Patch]:
        patches = await self.propose(number, batch, self.skill.files, guard)
        kept = []
        for patch in patches:
            why = await self.gate(number, patch, batch) if self.gate and patch.edits else ""
            for edit in patch.edits if why else ():
                self.ledger.drop(edit, "map", "gate", why)
            kept += [] if why else [patch]
        return kept

    async def reduce(
        self,
        leaves: "Sequence[Coroutine[Any, Any, list[Patch]]]",
        plan: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> Patch:
        """Merge what the leaves give; the shape of the tree is fixed by their order."""
        if plan is None:
            plan = levels(
                len(leaves), self.settings.merge_batch_size, self.settings.max_merge_levels
            )
        async with _Tasks() as tasks:
            below = [tasks.start(work) for work in leaves]
            for level, members in enumerate(plan, start=1):
                below = [
                    tasks.start(self._node(level, number, [below[i] for i in group]))
                    for number, group in enumerate(members, start=1)
                ]
            top = [patch for task in below for patch in await task]
        return await self._forced(top, len(plan))

    async def _node(
        self, level: int, number: int, members: "Sequence[asyncio.Task[list[Patch]]]"
    ) -> list[Patch]:
        patches = [patch for task in members for patch in await task]
        if len(patches) < 2 <= len(members):
            self.ended()
        return await self._group(level, number, patches)

    async def _forced(self, patches: list[Patch], level: int) -> Patch:
        """What is left after the tree: more levels within the cap, one forced merge, then code."""
        while len(patches) > 1 and level < self.settings.max_merge_levels:
            level += 1
            tasks = [
                self._group(level, number, group)
                for number, group in enumerate(
                    groups(patches, self.settings.merge_batch_size), start=1
                )
            ]
            patches = [patch for found in await asyncio.gather(*tasks) for patch in found]
        if len(patches) > 1:
            name = "merge_forced/merged_0001"
            merged = await self.merge(name, patches, level + 1)
            if merged is None:
                self.failures.append(f"{name}: merged by code: the union of {len(patches)} patches")
                self.merges["by code"] = 1
                merged = merge_by_code(
                    self.ledger, patches, prefix=f"{self.tag}c1", patch_file=f"{name}.json"
                )
            patches = [merged]
        return patches[0] if patches else Patch()

    async def _group(self, level: int, number: int, group: list[Patch]) -> list[Patch]:
        if len(group) < 2:
            return group
        merged = await self.merge(f"merge_level_{level}/merged_{number:04}", group, level)
        return group if merged is None else [merged]

    async def merge(self, name: str, patches: Sequence[Patch], level: int) -> Patch | None:
        """One patch of several; None when no reply could be used."""
        aliases, prompt = self.merge_prompt(patches)
        talk = await self.ask(name, prompt, priority=level, parse=self.settings.codec.parse)
        if talk.value is None or not (talk.value.edits or talk.value.dropped):
            reason = talk.complaint.split("\n")[0] or "no edit came back"
            self.failures.append(f"{name}: {reason}; its members go on unmerged")
            self.merges["failed"] += 1
            return None
        kind = "f1" if "forced" in name else f"g{level}.{int(name[-4:])}"
        file = f"{name.replace('/', '_semantic/')}.md" if self.semantic else f"{name}.json"
        merged = settle(
            self.ledger,
            patches,
            talk.value,
            aliases,
            prefix=f"{self.tag}{kind}",
            patch_file=file,
        )
        self.merges["by the model"] += 1
        self.write(file, merged)
        return merged

    def merge_prompt(self, patches: Sequence[Patch]) -> tuple[dict[str, str], list[Message]]:
        """Short ids for the model and what they stand for, and the prompt that shows them."""
        aliases: dict[str, str] = {}
        views = []
        for number, patch in enumerate(patches, start=1):
            shown = {}
            for count, edit in enumerate(patch.edits, start=1):
                aliases[f"p{number}.e{count}"] = edit.id
                shown[edit.id] = Shown(f"p{number}.e{count}", self.ledger.support(edit.id))
            reasoning = one_line(patch.reasoning, REASONING_SHOWN)
            edits = self.settings.codec.render(patch, shown)
            kinds = self.kinds_of(patch.edits) if self.settings.apart else []
            views.append({"reasoning": reasoning, "edits": edits, "kinds": kinds})
        system = PROMPTS.render(f"merge/{self._merging(patches)}.j2", **self._format())
        user = PROMPTS.render(
            "merge/user.j2",
            outline=outline_view(self.skill.files),
            passages=passages_of(self.skill.files, patches),
            patches=views,
        )
        return aliases, briefing(system, user)

    def kinds_of(self, edits: Sequence[Edit]) -> list[str]:
        runs = self.ledger.runs(edit.id for edit in edits)
        return sorted({self.kinds.get(run, "error") for run in runs})

    def _merging(self, patches: Sequence[Patch]) -> str:
        """Which prompt speaks."""
        if not self.settings.apart:
            return self.settings.lessons
        kinds = {kind for patch in patches for kind in self.kinds_of(patch.edits)}
        return next(iter(kinds)) if len(kinds) == 1 else "errors_win"


class _Tasks:
    """A task group whose first failure comes out as itself once the others have ended.

    Work that is paid for is on disk when it comes, so calls in flight are let finish.
    """

    async def __aenter__(self) -> "_Tasks":
        self._all: list[asyncio.Task[list[Patch]]] = []
        return self

    def start(self, work: "Coroutine[Any, Any, list[Patch]]") -> "asyncio.Task[list[Patch]]":
        task: asyncio.Task[list[Patch]] = asyncio.ensure_future(work)
        self._all.append(task)
        return task

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, ModelError | Unfinished):
            for task in self._all:
                task.cancel()
        await asyncio.gather(*self._all, return_exceptions=True)
        if isinstance(error, InfrastructureError):
            raise Unfinished(
                f"the endpoint failed: {error}; run the same command again to go on"
            ) from None
