"""A selection from its settings to the chosen skill."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import write_json
from react_agent.layout import SELECTION
from react_agent.registry import DOMAINS, SKILL_FORMATS, find
from react_agent.skills import Skill
from reporting.comparing.comparison import Pair
from reporting.comparing.entrants import load_entrant, load_entrants
from reporting.comparing.standings import paired
from skill_evolver.commands.revert import carried_over, without
from skill_evolver.engine.history import Provenance, files_digest
from skill_evolver.engine.writing import keep
from skill_evolver.lineage.grouping import Lesson
from skill_evolver.patches.rules import new_problems
from trace2skill.selecting.outcome import (
    Candidate,
    Difference,
    Offered,
    PatchesSelected,
    expected_gain,
    warning,
)
from trace2skill.selecting.searching import Subset, check_installed, estimator, greedy
from trace2skill.selecting.settings import PatchSelection
from trace2skill.trials.trying import Owed, Trial, Trials, lay_out

NOTHING: Subset = frozenset()


class _CapReached(Exception):
    """No further subset may be tried."""


class _Stopped(Exception):
    def __init__(self, owed: Owed) -> None:
        self.owed = owed


class Selecting(Trials):
    """Raises ContractError for what does not fit together."""

    def __init__(self, settings: PatchSelection) -> None:
        if settings.method == "estimator":
            check_installed()
        super().__init__(settings, settings.output_dir / "candidates")
        self.settings = settings
        self.domain = find(DOMAINS, "--domain", settings.domain)(settings.data_path)
        self.tasks = self._tasks()
        self.lessons = self._lessons()
        self.all = frozenset(lesson.id for lesson in self.provenance.lessons)
        self.candidates: dict[str, Candidate] = {}
        """By name; skills that are the same to the letter have one."""

    def _tasks(self) -> tuple[str, ...]:
        given, end = self.settings, self.settings.end_idx
        if end is None and not given.instance_ids and self.domain.halves:
            end = self.domain.halves[0].stop
        found = self.domain.select(
            start=given.start_idx,
            end=end,
            ids=given.instance_ids,
            shuffle_seed=given.shuffle_seed,
            sample=given.sample,
        )
        if not found:
            raise ContractError(f"{self.domain.source}: the flags choose no task")
        return tuple(task.id for task in found)

    def _lessons(self) -> list[Lesson]:
        given, lessons = self.settings, self.provenance.lessons
        by_support = sorted(lessons, key=lambda lesson: -lesson.support)
        found = [lesson for lesson in by_support if lesson.support >= given.min_support]
        if not found:
            most = max((lesson.support for lesson in lessons), default=0)
            raise ContractError(
                f"{self.skill.root}: none of its {len(lessons)} lessons has the support of at "
                f"least {given.min_support}; the most is {most}"
            )
        return found[: given.among]

    # ---- what it takes -----------------------------------------------------

    @property
    def most(self) -> int:
        """Subsets that may have to be tried, by the search and by the cap."""
        count, passes = len(self.lessons), self.settings.passes
        search = passes * count * count if self.settings.method == "greedy" else 7 + count
        if self.settings.method == "estimator":
            search += passes * 8
        return int(min(search + 2, 2**count + 1, self.settings.max_candidates))

    @property
    def cases(self) -> int:
        return self.most * len(self.tasks) * len(self.settings.seeds)

    # ---- the search --------------------------------------------------------

    async def run(self) -> PatchesSelected | Owed:
        """Started again it takes the same way, and finds what it has tried."""
        ids = [lesson.id for lesson in self.lessons]
        given, ended = self.settings, "the search ended by itself"
        try:
            for subset in (self.all, NOTHING):
                await self.score(subset)
            if given.method == "greedy":
                await greedy(self.score, ids, given.passes)
            else:
                await estimator(self.score, ids, given.passes, given.search_seed)
        except _CapReached:
            ended = f"ended by --max_candidates {given.max_candidates}"
        except _Stopped as stop:
            return stop.owed
        return self._outcome(ended)

    async def score(self, subset: Subset) -> float:
        _, files = self.state(subset)
        name = "merged" if subset == self.all else files_digest(files)[:12]
        if files == self.skill.files:
            name = "merged"
        if name not in self.candidates:
            if len(self.candidates) >= self.settings.max_candidates:
                raise _CapReached
            self.candidates[name] = await self._tried(name, subset, files)
        found = self.candidates[name]
        return -1.0 if found.accuracy is None else found.accuracy

    async def _tried(self, name: str, subset: Subset, files: Mapping[str, str]) -> Candidate:
        lessons = tuple(one.id for one in self.provenance.lessons if one.id in subset)
        if broken := self._broken(files):
            return Candidate(name=name, lessons=lessons, unfit=broken)
        trial = Trial(name, files, self.tasks)
        if owed := await self.attempt(trial):
            raise _Stopped(owed)
        folder = self.folder(trial)
        entrant = load_entrant("A", folder)
        passed = {task: entrant.passed(task) for task in entrant.tasks}
        accuracy = sum(passed.values()) / len(passed)
        return Candidate(
            name=name, lessons=lessons, accuracy=accuracy, passed=passed, folder=str(folder)
        )

    def state(self, subset: Subset) -> tuple[Provenance, dict[str, str]]:
        """The history and the files of the skill with these lessons alone.

        Raises ContractError where a file of a lesson was edited by hand since.
        """
        old = self.provenance
        if subset == self.all:
            return old, dict(self.skill.files)
        less = without(old, [one.id for one in old.lessons if one.id not in subset])
        if not subset:  # repairs of what lessons wrote have nothing to mend
            less = less.model_copy(update={"steps": ()})
        return less, carried_over(self.skill.files, old.files(), less.files())

    def _broken(self, files: Mapping[str, str]) -> str:
        form = find(SKILL_FORMATS, "the skill format", self._format)()
        limit = self.provenance.max_skill_lines
        before = form.check(self.skill, limit)
        changed = Skill(self.skill.root, dict(files), self.skill.other_files)
        return "; ".join(map(str, new_problems(before, form.check(changed, limit))))

    @cached_property
    def _format(self) -> str:
        return str(self.provenance.settings.get("format", "agentskills"))

    # ---- what it found -----------------------------------------------------

    def _best(self) -> Candidate:
        """Of equals the merged skill, then the one with the fewest lessons."""

        def rank(one: Candidate) -> tuple[float, bool, int]:
            return (one.accuracy or 0.0, one.name == "merged", -len(one.lessons))

        return max((one for one in self.candidates.values() if one.accuracy is not None), key=rank)

    def _outcome(self, ended: str) -> PatchesSelected:
        best, given = self._best(), self.settings
        start = files_digest(self.state(NOTHING)[1])[:12]
        start = start if start in self.candidates else "merged"
        run = [one for one in self.candidates.values() if one.accuracy is not None]
        taught = {one.task or one.key for one in self.provenance.runs.values()}
        differences, recorded = self._differences(best, ("merged", start))
        skill = self._write(best)
        found = PatchesSelected(
            skill=str(skill),
            evolved=str(self.skill.root),
            method=given.method,
            ended=ended,
            tasks=self.tasks,
            taught=len(taught.intersection(self.tasks)),
            seeds=given.seeds,
            offered=tuple(
                Offered(id=one.id, title=one.title, support=one.support) for one in self.lessons
            ),
            start=start,
            merged="merged",
            chosen=best.name,
            lessons=best.lessons,
            against_merged=differences.get("merged"),
            against_start=differences.get(start),
            expected=expected_gain(run),
            candidates=tuple(self.candidates.values()),
            recorded=recorded,
            warning=warning(len(run), len(self.tasks)),
            next=(
                f"trace2skill run with --skills_dir {skill.parent}, and with --skills_dir "
                f"{self.skill.root.parent}, on held-out tasks; then trace2skill compare"
            ),
        )
        write_json(given.output_dir / SELECTION, found.model_dump(mode="json"))
        return found

    def _differences(
        self, best: Candidate, others: tuple[str, str]
    ) -> tuple[dict[str, Difference], bool]:
        names = [name for name in dict.fromkeys(others) if name != best.name]
        paths = [Path(self.candidates[name].folder) for name in (best.name, *names)]
        (chosen, *sides), _ = load_entrants(paths, common=True)
        pairs = paired([(side, chosen) for side in sides])
        found = {name: _difference(pair) for name, pair in zip(names, pairs, strict=True)}
        return found, chosen.recorded

    def _write(self, best: Candidate) -> Path:
        """The chosen skill with a history of its own, so that it explains itself."""
        provenance, files = self.state(frozenset(best.lessons))
        folder = self.settings.output_dir / "skills" / self.skill.name
        lay_out(self.skill, folder, files)
        keep(folder, "selected", self.provenance.base, files, provenance, None)
        return folder


def _difference(pair: Pair) -> Difference:
    return Difference(
        before=pair.before,
        after=pair.after,
        low=pair.interval.low,
        high=pair.interval.high,
        p=pair.p_adjusted,
        verdict=pair.verdict,
    )
