"""`trace2skill lessons SKILL`: every lesson in an evolved skill, with its support."""

import json
import sys

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.commands.settings import LessonList


def main(argv: list[str] | None = None) -> int:
    about = "List the lessons in an evolved skill, the most supported first."
    return run_stage(_work, LessonList, argv, about)


def _work(settings: LessonList) -> int:
    from react_agent.runs.reproduced import skill_of
    from react_agent.skills import find_skill
    from skill_evolver.engine.history import explain

    _, provenance, file = explain(find_skill(skill_of(settings.skill)).root, settings.provenance)
    if settings.as_json:
        lessons = [lesson.model_dump(mode="json") for lesson in provenance.lessons]
        say(json.dumps(lessons, indent=2))
        return OK
    say(f"{'id':<6}{'support':>8}  lesson (files)")
    for lesson in sorted(provenance.lessons, key=lambda e: (-e.support, int(e.id[1:]))):
        say(f"{lesson.id:<6}{lesson.support:>8}  {lesson.title} ({', '.join(lesson.files)})")
    for lesson in provenance.reverted:
        say(f"{lesson.id:<6}{lesson.support:>8}  {lesson.title} (reverted)")
    say(f"{len(provenance.lessons)} lessons; explained by {file}", file=sys.stderr)
    return OK


if __name__ == "__main__":
    sys.exit(main())
