"""The skill with all its lessons, and without each one, on the tasks that the lesson came from."""

from collections.abc import Iterator, Mapping

from react_agent.errors import ContractError
from react_agent.registry import DOMAINS, find
from react_agent.skills import Skill
from reporting.comparing.comparison import Pair
from reporting.comparing.entrants import load_entrants
from reporting.comparing.standings import paired
from skill_evolver.commands.revert import carried_over, without
from skill_evolver.engine.history import Provenance, files_digest
from skill_evolver.lineage.effects import Effects, LessonEffect, Word
from skill_evolver.lineage.grouping import Lesson
from trace2skill.effect.settings import Effect
from trace2skill.trials.trying import Owed, Trial, Trials

WHOLE = "whole"
"""Folder of the skill with all lessons."""
WORDS: Mapping[str, Word] = {"better": "helps", "worse": "hurts", "undecided": "undecided"}


class Measurement(Trials):
    """What is to be tried; raises ContractError for what does not fit together."""

    def __init__(self, settings: Effect) -> None:
        super().__init__(settings, settings.output_dir)
        self.settings = settings
        self.untried: list[LessonEffect] = []
        self.trials = dict(self._trials())
        tasks = dict.fromkeys(task for trial in self.trials.values() for task in trial.tasks)
        self.whole = Trial(WHOLE, self.skill.files, tuple(tasks))

    def _trials(self) -> Iterator[tuple[str, Trial]]:
        asked, lessons = self.settings.lessons, self.provenance.lessons
        known = [lesson.id for lesson in lessons]
        if missing := [name for name in asked if name not in known]:
            raise ContractError(f"no lesson {', '.join(missing)}; there is {', '.join(known)}")
        domain = find(DOMAINS, "--domain", self.settings.domain)(self.settings.data_path)
        there = {task.id for task in domain.tasks}
        if missing := [task for task in self.settings.instance_ids if task not in there]:
            raise ContractError(f"{self.settings.data_path}: no task {', '.join(missing)}")
        for lesson in lessons:
            if asked and lesson.id not in asked:
                continue
            tasks = self._tasks(lesson, there)
            files = _without(self.skill, self.provenance, lesson.id)
            if not tasks:
                self._leave(lesson, "none of its tasks is in the data set")
            elif files == self.skill.files:
                self._leave(lesson, "no line of it is in the skill")
            else:
                yield lesson.id, Trial(f"without_{lesson.id}", files, tasks)

    def _leave(self, lesson: Lesson, why: str) -> None:
        effect = LessonEffect(lesson=lesson.id, title=lesson.title, verdict="not tried", note=why)
        self.untried.append(effect)

    def _tasks(self, lesson: Lesson, there: set[str]) -> tuple[str, ...]:
        own = (self.provenance.runs[key].task for key in lesson.runs if key in self.provenance.runs)
        tasks = self.settings.instance_ids or tuple(dict.fromkeys(t for t in own if t in there))
        return tasks[: self.settings.max_tasks]

    @property
    def cases(self) -> int:
        """Of all trials and seeds."""
        trials = [self.whole, *self.trials.values()]
        return sum(len(trial.tasks) for trial in trials) * len(self.settings.seeds)

    async def run(self) -> Effects | Owed:
        for trial in (self.whole, *self.trials.values()):
            if owed := await self.attempt(trial):
                return owed
        return self._effects()

    def _effects(self) -> Effects:
        sides = {
            name: load_entrants([self.folder(trial), self.folder(self.whole)], common=True)[0]
            for name, trial in self.trials.items()
        }
        pairs = paired([(without, whole) for without, whole in sides.values()])
        measured = {
            name: self._effect(name, self.trials[name], pair)
            for name, pair in zip(sides, pairs, strict=True)
        }
        known = {**measured, **{one.lesson: one for one in self.untried}}
        order = [lesson.id for lesson in self.provenance.lessons if lesson.id in known]
        return Effects(
            skill=files_digest(self.skill.files),
            recorded=any(pair.recorded for pair in pairs),
            lessons=tuple(known[name] for name in order),
        )

    def _effect(self, name: str, trial: Trial, pair: Pair) -> LessonEffect:
        title = next(x.title for x in self.provenance.lessons if x.id == name)
        ended = f"without {len(pair.left_out)} tasks that infrastructure ended"
        return LessonEffect(
            lesson=name,
            title=title,
            verdict=WORDS[pair.verdict],
            tasks=trial.tasks,
            seeds=self.settings.seeds,
            without=pair.before,
            whole=pair.after,
            low=pair.interval.low,
            high=pair.interval.high,
            p=pair.p_adjusted,
            note=ended if pair.left_out else "",
        )


def _without(skill: Skill, provenance: Provenance, lesson: str) -> Mapping[str, str]:
    """Raises ContractError where a file of the lesson was edited by hand since."""
    less = without(provenance, [lesson])
    return carried_over(skill.files, provenance.files(), less.files())
