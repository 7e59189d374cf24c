"""What an evolution says about itself: the change log for people, the summary for both."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from react_agent.files import write_whole
from react_agent.text import one_line
from skill_evolver.engine.asking import PROMPTS
from skill_evolver.engine.finish import ANCHORS, Finished, Finisher
from skill_evolver.engine.history import Provenance
from skill_evolver.engine.inputs import LessonEntry
from skill_evolver.engine.map_reduce import Evolver
from skill_evolver.guard.echo import Change
from skill_evolver.guard.injections import RULES as SCREENED
from skill_evolver.guard.screening import PREFIX, Flagged, Review
from skill_evolver.lineage.effects import Effects
from skill_evolver.lineage.provenance import title_of

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
EFFECTS = "## Effects, measured since"
HOW_TO_ALLOW = (
    "--allow-flagged lets it in, by rule or by id; a skill that was written without it goes back "
    "first (trace2skill rollback)"
)


def change_log(
    provenance: Provenance, facts: Mapping[str, Any], result: Finished, diff: str
) -> str:
    """Counts, changes and diff of this evolution, then what the skill has learnt in all of them."""
    done = [splice.edit for splice in result.built.done]
    text = PROMPTS.render(
        "report/change_log.j2",
        provenance=provenance,
        facts=facts,
        done=done,
        files=sorted({edit.file for edit in done}),
        title_of=title_of,
        taught=_taught(facts),
        diff=fenced_block(diff),
        notes=release_notes(provenance),
    )
    return f"{text}\n"


def _taught(facts: Mapping[str, Any]) -> str:
    """A line where nothing was taught, or a part of it only restates the agent's prompt."""
    return str(Change.model_validate(facts["change"]))


def fenced_block(diff: str) -> str:
    """In a fence that nothing in it closes."""
    longest = max((len(run) for run in re.findall(r"`+", diff)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}diff\n{diff.rstrip()}\n{mark}"


def release_notes(provenance: Provenance) -> str:
    """Lesson, support, where; the most supported first."""
    strong = [entry for entry in provenance.lessons if entry.support > 1]
    single = [entry for entry in provenance.lessons if entry.support <= 1]
    rest = [entry for entry in provenance.dropped if not entry.rule.startswith(PREFIX)]
    return PROMPTS.render(
        "report/release_notes.j2",
        parts=(("Seen in several runs", strong), ("Seen in one run", single)),
        provenance=provenance,
        how_to_allow=HOW_TO_ALLOW,
        left_out=sorted(rest, key=lambda d: (d.rule, d.id)),
    )


def add_effects(file: Path, effects: Effects) -> None:
    """What was measured of its lessons since, in place of what was measured before."""
    log = file.read_text(encoding="utf-8").partition(f"\n{EFFECTS}\n")[0].rstrip()
    said = [f"- {one_line(x.title, 200)} ({x.lesson}): {x}" for x in effects.lessons]
    mark = ["Recorded replies, not a measurement.", ""] if effects.recorded else []
    write_whole(file, "\n".join([log, "", EFFECTS, "", *mark, *said, ""]))


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
        f"places of edits: {placed} ({anchors['translation_calls_saved']} calls saved)",
        f"evidence of edits: {links}",
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
    lines += filter(None, [_taught(summary)])
    done = "the skill was written" if summary["written"] else "the skill is as it was"
    return "\n".join([*lines, done])
