"""What an evolution says about itself: the change log for people, the summary for both."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from react_agent.fenced import one_line
from skill_evolver.engine.finish import ANCHORS, Finished, Finisher
from skill_evolver.engine.history import Provenance
from skill_evolver.engine.inputs import LessonEntry
from skill_evolver.engine.map_reduce import Evolver
from skill_evolver.guard.echo import Change
from skill_evolver.guard.injections import RULES as SCREENED
from skill_evolver.guard.screening import PREFIX, Flagged, Review
from skill_evolver.lineage.grouping import Lesson
from skill_evolver.lineage.provenance import Dropped, title_of

RULES = {
    "leak": "gave a task away (id, instruction, sheet name or answer)",
    "path": "named a path outside the skill folder",
    "protected": "touched a protected file",
    "unknown-file": "named a file that does not exist",
    "orphan-create": "created a file nothing points at",
    "dangling-link": "pointed at a file nobody creates",
    "overlap": "changed the same lines as an edit that goes first, mostly by support",
    "anchor": "named a place that was not found",
    "deletes": "took away more than it explained",
    "fence": "opened a code fence without closing it",
    "trial": "broke a rule of the skill format when applied alone",
    "known": "said what the skill says already",
    "min-support": "had too few trajectories behind it",
    "pair": "lost its file or its pointer",
    "gate": "did not solve the task that it came from (--gate patch)",
    "invented": "came from no edit that was given to the merge",
    "refused by the merge": "was left out by a merge with a reason",
    "batch taken back": "belonged to a batch that broke a rule",
    **{f"{PREFIX}{rule}": what for rule, what in SCREENED.items()},
}
HOW_TO_ALLOW = (
    "--allow-flagged lets it in, by rule or by id; a skill that was written without it goes back "
    "first (trace2skill rollback)"
)


def change_log(
    provenance: Provenance, facts: Mapping[str, Any], result: Finished, diff: str
) -> str:
    """Counts, changes and diff of this evolution, then what the skill has learnt in all of them."""
    done = [splice.edit for splice in result.built.done]
    lines = [
        f"# {provenance.skill}: what changed",
        "",
        provenance.created,
        "",
        f"- records: {facts['entries']}, of {facts['trajectories']} trajectories",
        f"- edits: {facts['map_edits']} proposed, {len(done)} applied",
        f"- files changed: {', '.join(sorted({edit.file for edit in done})) or 'none'}",
        f"- lines: {facts['diff']['added']} added, {facts['diff']['removed']} removed",
        f"- skill written: {'yes' if facts['written'] else 'no'}",
        *(f"- {line}" for line in _taught(facts)),
        "",
        "## Changes",
        "",
        *[f"- {edit.file}: {edit.op}: {one_line(title_of(edit))}" for edit in done],
        "",
        "## Diff",
        "",
        fenced_block(diff),
        "",
    ]
    return "\n".join([*lines, release_notes(provenance)])


def _taught(facts: Mapping[str, Any]) -> list[str]:
    """One line where nothing was taught, or a part of it only restates the agent's prompt."""
    said = str(Change.model_validate(facts["change"]))
    return [said] if said else []


def fenced_block(diff: str) -> str:
    """In a fence that nothing in it closes."""
    longest = max((len(run) for run in re.findall(r"`+", diff)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}diff\n{diff.rstrip()}\n{mark}"


def release_notes(provenance: Provenance) -> str:
    """Lesson, support, where; the most supported first."""
    lines: list[str] = []
    strong = [entry for entry in provenance.lessons if entry.support > 1]
    single = [entry for entry in provenance.lessons if entry.support <= 1]
    for title, lessons in (("Seen in several runs", strong), ("Seen in one run", single)):
        if lessons:
            lines += [f"## {title}", "", *map(_note, lessons), ""]
    if not provenance.lessons:
        lines += ["Nothing was learnt that the skill did not say.", ""]
    if provenance.flagged:
        listed = [f"- {entry}" for entry in provenance.flagged]
        lines += ["## Flagged by the screen or the review", "", *listed, "", HOW_TO_ALLOW, ""]
    if provenance.review:
        said = [f"- {v.edit}: {v.verdict}: {v.reason}" for v in provenance.review.verdicts]
        lines += ["## Review by a model", "", str(provenance.review), *said, ""]
    if provenance.gated:
        tried = [f"- {trial}" for trial in provenance.gated]
        lines += ["## Patches on their own tasks", "", *tried, ""]
    rest = [entry for entry in provenance.dropped if not entry.rule.startswith(PREFIX)]
    if rest:
        lines += ["## Left out", "", *_left_out(rest), ""]
    return "\n".join(lines)


def _note(lesson: Lesson) -> str:
    runs = ", ".join(lesson.runs[:4]) + (" ..." if len(lesson.runs) > 4 else "")
    count = f"{lesson.support} trajector{'y' if lesson.support == 1 else 'ies'}"
    count += f", {lesson.counted} more of the class counted" if lesson.counted else ""
    return f"- **{lesson.title}** ({lesson.id}; {count}: {runs}) - {', '.join(lesson.files)}"


def _left_out(dropped: Sequence[Dropped]) -> list[str]:
    ordered = sorted(dropped, key=lambda d: (d.rule, d.id))
    return [f"- {d.title or d.id} ({d.id}, {d.stage}): {d.rule}: {d.reason}" for d in ordered]


def summary(
    evolver: Evolver,
    finisher: Finisher,
    result: Finished,
    entries: Sequence[LessonEntry],
    written: bool,
) -> dict[str, Any]:
    """Every count an evolution can be asked for."""
    ledger, tally = evolver.ledger, evolver.store.tally
    alive = [e.id for step in result.steps for e in step]
    leaves = [i for i, node in ledger.nodes.items() if node.phase == "map"]
    rules = Counter(d.rule for d in ledger.dropped)
    placed = sum(finisher.anchors[how] for how in ("exact", "fuzzy", "other file"))
    return {
        "written": written,
        "entries": len(entries),
        "trajectories": len({run.key for e in entries for run in e.runs}),
        "map_edits": len(leaves),
        "merges": dict(evolver.merges),
        "links": dict(ledger.counts),
        "lessons": len(result.lessons),
        "support": {e.id: e.support for e in result.lessons},
        "edits_applied": len(result.built.done),
        "edits_waited": result.built.waited,
        "sections_moved": result.built.moved,
        "anchors": {**finisher.anchors, "translation_calls_saved": placed},
        "dropped": dict(sorted(rules.items())),
        "dropped_because": {rule: RULES.get(rule, rule) for rule in sorted(rules)},
        "leaves_lost_or_owned_twice": ledger.audit([i for i in alive if i in ledger.nodes]),
        "repairs": result.repairs,
        "problems": [str(p) for p in result.problems],
        "failures": sorted(evolver.failures),
        "calls": {
            "made": sum(tally.calls.values()),
            "by_phase": tally.calls,
            "reused": sum(tally.reused_calls.values()),
        },
        "replies": {
            "continued": tally.continued,
            "sent_back": tally.fixed,
            "unreadable": tally.unreadable,
        },
        "usage": tally.usage.model_dump(),
        "usage_of_reused_calls": tally.reused.model_dump(),
    }


def as_text(summary: dict[str, Any]) -> str:
    """The summary as a script prints it."""
    calls, anchors = summary["calls"], summary["anchors"]
    dropped = ", ".join(f"{rule} {n}" for rule, n in summary["dropped"].items()) or "none"
    phases = ", ".join(f"{phase} {n}" for phase, n in calls["by_phase"].items()) or "none"
    links = ", ".join(f"{how} {n}" for how, n in summary["links"].items() if n) or "none"
    placed = ", ".join(f"{how} {anchors[how]}" for how in ANCHORS if anchors[how]) or "none"
    lines = [
        f"{summary['entries']} records of {summary['trajectories']} trajectories: "
        f"{summary['map_edits']} proposed edits, {summary['lessons']} lessons in the skill",
        f"calls: {calls['made']} ({phases}), {calls['reused']} taken from disk; tokens: "
        f"{summary['usage']['prompt_tokens']} in, {summary['usage']['completion_tokens']} out",
        f"anchors: {placed} ({anchors['translation_calls_saved']} calls saved)",
        f"sources: {links}",
        f"dropped: {dropped}",
    ]
    lines += [f"flagged: {Flagged.model_validate(entry)}" for entry in summary["flagged"][:20]]
    if summary["flagged"]:
        lines.append(f"flagged: {len(summary['flagged'])} in all; {HOW_TO_ALLOW}")
    if review := summary["review"]:
        lines.append(f"review: {Review.model_validate(review)}")
    if lessons := summary["flagged_lessons"]:
        lines.append(f"flagged lessons, which cannot enter as they stand: {len(lessons)}")
        lines += [f"  {line}" for line in lessons[:20]]
    lines += [f"note: {failure}" for failure in summary["failures"][:20]]
    lines += [f"problem: {problem}" for problem in summary["problems"]]
    diff = summary["diff"]
    lines.append(f"diff: +{diff['added']} -{diff['removed']} lines, {diff['file']}")
    lines += _taught(summary)
    done = "the skill was written" if summary["written"] else "the skill is as it was"
    return "\n".join([*lines, done])
