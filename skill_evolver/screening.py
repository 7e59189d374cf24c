"""The screen between what a model proposes and the skill: what `injections` finds does not pass.

Text of workbooks and trajectories reaches the analysts, and what it says can come back as a lesson.
Every proposed edit is screened when it comes, so that it spreads through no merge, again when its
final form stands, and line by line in the whole skill: only what the skill did not say before. What
is stopped is listed, and `--allow-flagged` lets it in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from skill_evolver.apply import Document
from skill_evolver.injections import Finding, find
from skill_evolver.patch import Edit
from skill_evolver.provenance import Dropped, Ledger

PREFIX = "flagged: "
"""Before the rule, where dropped edits are counted by rule."""


class Flagged(BaseModel):
    """One edit that the screen has stopped, or let in because the user said so."""

    model_config = ConfigDict(frozen=True)

    id: str
    rule: str
    excerpt: str
    stage: str
    allowed: bool = False
    patch: str = ""
    runs: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = "let in" if self.allowed else "left out"
        source = f" of {', '.join(self.runs[:4])}" * bool(self.runs)
        return f"{self.rule}: {self.id}{source} {what} ({self.patch or self.stage}): {self.excerpt}"


class EditVerdict(BaseModel):
    model_config = ConfigDict(frozen=True)

    edit: str
    """The name that the prompt gives the edit; afterwards its id."""
    verdict: Literal["fine", "harmful"]
    reason: str = ""


class Review(BaseModel):
    """What the reviewing model said of the edits that were about to be written."""

    model_config = ConfigDict(frozen=True)

    verdicts: tuple[EditVerdict, ...] = ()
    not_reviewed: str = ""
    """Why there are no verdicts."""

    def __str__(self) -> str:
        if self.not_reviewed:
            return f"not reviewed: {self.not_reviewed}"
        harmful = [v.edit for v in self.verdicts if v.verdict == "harmful"]
        named = f": {', '.join(harmful)}" * bool(harmful)
        return f"{len(self.verdicts)} edits reviewed, {len(harmful)} judged harmful{named}"


def fresh(text: str, files: Mapping[str, str]) -> str:
    """The lines that the skill does not hold already."""
    known = "\n".join(files.values())
    return "\n".join(line for line in text.split("\n") if line.strip() not in known)


def words_of(edit: Edit) -> str:
    """All that an edit says, also beside the skill: merges read it."""
    said = edit.model_dump(exclude={"kind", "id", "op", "sources"})
    return "\n".join(str(value) for value in said.values() if value)


@dataclass
class Screen:
    allowed: frozenset[str] = frozenset()
    """Rules, and ids of edits, that the user lets in."""
    let_in: dict[tuple[str, str], Finding] = field(default_factory=dict)
    """By the id of the edit and the rule; so is `stopped`."""
    stopped: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    """Lines of allowed edits: they stay allowed in the edits that are merged of them."""

    def stop(self, name: str, text: str) -> Finding | None:
        """The first finding that nobody has allowed."""
        if name in self.allowed:
            self._said.update(line.strip() for line in text.split("\n"))
        rest = "\n".join(line for line in text.split("\n") if line.strip() not in self._said)
        left = [finding for finding in find(rest) if finding.rule not in self.allowed]
        for finding in left:
            self.stopped.setdefault((name, finding.rule), finding)
        for finding in find(text):
            if not left or finding.rule in self.allowed:
                self.let_in.setdefault((name, finding.rule), finding)
        return left[0] if left else None

    def one(self, edit: Edit, files: Mapping[str, str]) -> tuple[str, str] | None:
        """The rule of the guardrails that an edit breaks, and how."""
        finding = self.stop(edit.id, fresh(words_of(edit), files))
        return (f"{PREFIX}{finding.rule}", finding.excerpt) if finding else None

    def whole(self, document: Document, files: Mapping[str, str]) -> dict[str, Finding]:
        """By edit, what its lines say once they stand in the skill."""
        written = [line for lines in document.values() for line in lines if line.origin]
        stopped = ((x.origin, self.stop(x.origin, fresh(x.text, files))) for x in written)
        return {origin: finding for origin, finding in stopped if finding}

    def files(self, before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str]]:
        """`(file, why)` of everything in the new skill that may not be written."""
        stopped = ((path, self.stop("", fresh(text, before))) for path, text in after.items())
        return [(path, f"{f.rule}: {f.excerpt}") for path, f in stopped if f]


def listed(ledger: Ledger, screen: Screen) -> tuple[Flagged, ...]:
    """Every hit in an edit that the screen stopped or let in, with the edit's source."""
    stopped = [
        Flagged(
            id=entry.id,
            rule=rule,
            excerpt=excerpt,
            stage=entry.stage,
            patch=ledger.nodes[entry.id].patch if entry.id in ledger.nodes else "",
            runs=entry.runs,
        )
        for entry in ledger.dropped
        if entry.rule.startswith(PREFIX)
        for rule, excerpt in _hits(entry, screen)
    ]
    allowed = [
        Flagged(
            id=name,
            rule=rule,
            excerpt=finding.excerpt,
            stage=ledger.nodes[name].phase,
            allowed=True,
            patch=ledger.nodes[name].patch,
            runs=ledger.runs([name]),
        )
        for (name, rule), finding in screen.let_in.items()
        if name in ledger.nodes
    ]
    return (*stopped, *allowed)


def _hits(entry: Dropped, screen: Screen) -> Iterator[tuple[str, str]]:
    """All that an edit was stopped for; it was dropped for the first."""
    first = entry.rule.removeprefix(PREFIX)
    yield first, entry.reason
    for (name, rule), finding in screen.stopped.items():
        if name == entry.id and rule != first:
            yield rule, finding.excerpt


def flagged_texts(texts: Iterable[tuple[str, str]]) -> list[str]:
    """One line for every lesson that would be stopped if it were an edit."""
    return [
        f"{finding.rule}: {name}: {finding.excerpt}"
        for name, text in texts
        for finding in find(text)
    ]
