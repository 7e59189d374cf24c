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
    from skill_evolver.engine.history import explain, files_digest
    from skill_evolver.lineage.effects import known_effects

    skill, provenance, file = explain(
        find_skill(skill_of(settings.skill)).root, settings.provenance
    )
    effects = known_effects(skill.root, files_digest(skill.files))
    if settings.as_json:
        rows = [lesson.model_dump(mode="json") for lesson in provenance.lessons]
        for row in rows:
            if found := effects.get(row["id"]):
                row["effect"] = found.model_dump(mode="json")
        say(json.dumps(rows, indent=2))
        return OK
    say(f"{'id':<6}{'support':>8}  lesson (files)")
    for lesson in sorted(provenance.lessons, key=lambda e: (-e.support, int(e.id[1:]))):
        effect = f"; {effects[lesson.id]}" if lesson.id in effects else ""
        where = ", ".join(lesson.files)
        say(f"{lesson.id:<6}{lesson.weight:>8}  {lesson.title} ({where}){effect}")
    for trial in provenance.gated:
        say(f"gate: {trial}")
    for lesson in provenance.reverted:
        say(f"{lesson.id:<6}{lesson.support:>8}  {lesson.title} (reverted)")
    say(f"{len(provenance.lessons)} lessons; explained by {file}", file=sys.stderr)
    return OK
