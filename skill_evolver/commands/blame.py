"""`trace2skill blame SKILL/SKILL.md:LINE`: a line, its edits and sources, their trajectories."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.lessons.settings import NO_TRUTH
from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.files import SKILL_FILE
from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.commands.settings import Blame

if TYPE_CHECKING:
    from skill_evolver.engine.history import Provenance
    from skill_evolver.engine.inputs import Run
    from skill_evolver.lineage.provenance import Ledger
    from skill_evolver.patches.apply import Line

MAX_CELLS = 6


def main(argv: list[str] | None = None) -> int:
    about = "Say where the lines of an evolved skill come from."
    return run_stage(work, Blame, argv, about)


def work(settings: Blame) -> int:
    from react_agent.runs.reproduced import skill_of
    from react_agent.skills import MAIN, find_skill
    from skill_evolver.engine.history import explain

    file, first, last = _parse(settings.place)
    if file.is_dir():
        file = find_skill(skill_of(file)).root / MAIN
    folder = next((p for p in file.parents if (p / SKILL_FILE).is_file()), None)
    if folder is None:
        raise ContractError(f"{file}: lies in no skill folder")
    skill, provenance, _ = explain(folder, settings.provenance)
    path = file.relative_to(folder).as_posix()
    if path not in skill.files:
        raise ContractError(f"{file}: no such file in the skill")
    lines = origins(skill.files[path], path, provenance)
    if first is None:
        say("\n".join(_table(lines, provenance)))
        return OK
    if not 1 <= first <= last <= len(lines):
        raise ContractError(f"{file}: has the lines 1 to {len(lines)}")
    for number in range(first, last + 1):
        say("\n".join(describe(path, number, lines[number - 1], provenance)))
    return OK


def _parse(place: str) -> tuple[Path, int | None, int]:
    name, _, numbers = place.rpartition(":")
    if not name or not numbers.replace("-", "").isdigit():
        return Path(place), None, 0
    first, _, last = numbers.partition("-")
    return Path(name), int(first), int(last or first)


def origins(text: str, path: str, provenance: "Provenance") -> "list[Line]":
    """The file's lines with the edits that wrote them; lines edited by hand have none."""
    from skill_evolver.patches.apply import Line
    from skill_evolver.patches.places import to_lines

    known = provenance.built().document.get(path, ())
    lines = [Line(line) for line in to_lines(text)]
    matcher = difflib.SequenceMatcher(
        None, [line.text for line in known], [line.text for line in lines], autojunk=False
    )
    for a, b, size in matcher.get_matching_blocks():
        lines[b : b + size] = known[a : a + size]
    return lines


def _table(lines: "Sequence[Line]", provenance: "Provenance") -> Iterator[str]:
    lesson_of = {edit: lesson for lesson in provenance.lessons for edit in lesson.edits}
    for number, line in enumerate(lines, start=1):
        lesson = lesson_of.get(line.origin)
        who = f"{lesson.id} ({lesson.support})" if lesson else line.origin
        yield f"{who:<12}{number:>5}  {line.text}"


def describe(path: str, number: int, line: "Line", provenance: "Provenance") -> Iterator[str]:
    """One line's whole way back."""
    yield f"{path}:{number}  {line.text}"
    if not line.origin:
        yield "  written by no evolution: it was there before, or was edited by hand"
        return
    ledger = provenance.ledger()
    lesson = next((e for e in provenance.lessons if line.origin in e.edits), None)
    if lesson:
        runs = "trajectory" if lesson.support == 1 else "trajectories"
        yield f"  lesson {lesson.id}: {lesson.title} ({lesson.support} {runs})"
    yield from _edit(line.origin, "recorded", 1, ledger, provenance, set())


def _edit(
    name: str,
    how: str,
    depth: int,
    ledger: "Ledger",
    provenance: "Provenance",
    seen: set[str],
) -> Iterator[str]:
    node, indent = ledger.nodes[name], "  " * depth
    where = f" in {node.patch}" if node.patch else ""
    yield f"{indent}{name}: {node.phase}{where}, {how}: {node.title}"
    if name in seen:
        return
    seen.add(name)
    for key in node.runs:
        yield f"{indent}  {describe_run(provenance.runs[key])}"
    for link in node.links:
        yield from _edit(link.parent, link.how, depth + 1, ledger, provenance, seen)
    if node.beside:
        yield from _edit(node.beside, "beside", depth + 1, ledger, provenance, seen)


def describe_run(run: "Run") -> str:
    """A trajectory with its verdict, log, failing cells, gate and report."""
    how = "succeeded" if run.kind == "success" else "failed"
    parts = [f"{'not judged' if run.gate == NO_TRUTH else how} {run.error_class}".strip()]
    if run.trajectory:
        there = "" if Path(run.trajectory).exists() else " (not there now)"
        parts.append(f"log {run.trajectory}{there}")
    if run.failing_cells:
        cells = ", ".join(run.failing_cells[:MAX_CELLS])
        parts.append(f"wrong cells {cells} ({run.failing_cells_total} in all)")
    if run.gate:
        parts.append(f"gate {run.gate}")
    if run.report:
        parts.append(f"report {run.report}")
    return f"trajectory {run.key}: {'; '.join(parts)}"
