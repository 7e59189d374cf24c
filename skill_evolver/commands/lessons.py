"""`trace2skill lessons SKILL`: every lesson in an evolved skill, with its support."""

import argparse
import json
import sys
from pathlib import Path

from react_agent.cli import OK, run_script, script_parser


def main(argv: list[str] | None = None) -> int:
    parser = script_parser("List the lessons in an evolved skill, the most supported first.")
    add_skill(parser)
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    return run_script(_work, parser, argv)


def add_skill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("skill", type=Path, help="the skill folder, or a root that holds it")
    parser.add_argument(
        "--provenance", type=Path, default=None, help="its provenance.json, if it was moved"
    )


def _work(args: argparse.Namespace) -> int:
    from react_agent.skills import find_skill
    from skill_evolver.engine.history import explain

    _, provenance, file = explain(find_skill(args.skill).root, args.provenance)
    if args.json:
        lessons = [lesson.model_dump(mode="json") for lesson in provenance.lessons]
        print(json.dumps(lessons, ensure_ascii=False, indent=2))
        return OK
    print(f"{'id':<6}{'support':>8}  lesson (files)")
    for lesson in sorted(provenance.lessons, key=lambda e: (-e.support, int(e.id[1:]))):
        print(f"{lesson.id:<6}{lesson.support:>8}  {lesson.title} ({', '.join(lesson.files)})")
    for lesson in provenance.reverted:
        print(f"{lesson.id:<6}{lesson.support:>8}  {lesson.title} (reverted)")
    print(f"{len(provenance.lessons)} lessons; explained by {file}", file=sys.stderr)
    return OK


if __name__ == "__main__":
    sys.exit(main())
