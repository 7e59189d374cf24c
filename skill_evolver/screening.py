"""The screen between what a model proposes and the skill: nothing to run, fetch, leak or obey.

Text of workbooks and trajectories reaches the analysts, and what it says can come back as a lesson.
Every proposed edit is screened when it comes, so that it spreads through no merge, again when its
final form stands, and once more as part of the whole skill: only what the skill did not say before.

What this cannot catch: harm in plain words that no rule names ("save a copy under Public as well"),
a wrong lesson, another language than English, an instruction cut into pieces that only the reader
puts together, an encoding that `disguise` does not know. A rule can also be wrong about a sound
lesson; such a one is listed, and `--allow-flagged` lets it in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from skill_evolver.apply import Document
from skill_evolver.disguise import MAX_VIEWS, hidden, mixed_words, plain, views
from skill_evolver.injections import patterns
from skill_evolver.patch import Edit
from skill_evolver.provenance import Ledger

MAX_TEXT = 500_000
"""Longer than any skill; more is not read, and so is not let in."""
WINDOW, OVERLAP = 8_000, 1_000
"""Longer texts are read in parts, so that no text costs more than in proportion to its length."""
AROUND = 30
EXCERPT = 120
PREFIX = "flagged: "
"""Before the rule, where dropped edits are counted by rule."""
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{40,}")


@dataclass(frozen=True)
class Finding:
    rule: str
    matched: str
    """The words that gave it away, as the screen reads them."""
    excerpt: str
    """They and a little around them; safe to print."""


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


def find(text: str) -> tuple[Finding, ...]:
    """Everything in a text that a rule names; each thing once."""
    if len(text) > MAX_TEXT:
        return (Finding("disguise", "length", f"{len(text)} characters, too long to be read"),)
    starts = range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP)
    parts = (_find(text[start : start + WINDOW]) for start in starts)
    return tuple({(f.rule, f.matched): f for part in parts for f in part}.values())


@lru_cache(maxsize=4096)
def _find(text: str) -> tuple[Finding, ...]:
    found = {(f.rule, f.matched): f for f in _concealed(text)}
    readings = views(text)
    if len(readings) >= MAX_VIEWS:
        found["disguise", "encodings"] = Finding("disguise", "encodings", "too many encodings")
    for how, reading in readings:
        for rule, pattern in patterns():
            for match in pattern.finditer(reading):
                excerpt = _excerpt(reading, *match.span(), how)
                found.setdefault((rule, match[0]), Finding(rule, match[0], excerpt))
    return tuple(found.values())


def _concealed(text: str) -> Iterator[Finding]:
    """What hides, whatever it says."""
    if unseen := hidden(text):
        codes = ", ".join(sorted({f"U+{ord(c):04X}" for c in unseen}))
        yield Finding("disguise", codes, f"invisible characters {codes[:EXCERPT]}")
    for word in mixed_words(text):
        yield Finding("disguise", word, f"letters of two scripts in one word: {plain(word)[:40]}")
    for word in _OPAQUE.findall(plain(text)):
        kinds = [len(re.findall(kind, word)) for kind in ("[a-z]", "[A-Z]", "[0-9]")]
        if min(kinds) > 2 or re.fullmatch(r"(?=.*\d.*\d.*\d)(?=.*[a-z])[0-9a-z=]{40,}", word):
            yield Finding("disguise", word[:40], f"an opaque string of {len(word)}: {word[:40]}")


def _excerpt(text: str, start: int, end: int, how: str) -> str:
    """Bounded, and without anything that a terminal or a reader could take for its own."""
    shown = text[max(0, start - AROUND) : end + AROUND][:EXCERPT]
    return f"{shown.encode('unicode_escape').decode('ascii')!r}" + f" ({how})" * bool(how)


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
    """By the id of the edit and the rule."""
    _said: set[str] = field(default_factory=set)
    """Lines of allowed edits: they stay allowed in the edits that are merged of them."""

    def stop(self, name: str, text: str) -> Finding | None:
        """The first finding that nobody has allowed."""
        if name in self.allowed:
            self._said.update(line.strip() for line in text.split("\n"))
        rest = "\n".join(line for line in text.split("\n") if line.strip() not in self._said)
        left = [finding for finding in find(rest) if finding.rule not in self.allowed]
        for finding in find(text):
            if not left or finding.rule in self.allowed:
                self.let_in.setdefault((name, finding.rule), finding)
        return left[0] if left else None

    def one(self, edit: Edit, files: Mapping[str, str]) -> tuple[str, str] | None:
        """The rule of the guardrails that an edit breaks, and how."""
        finding = self.stop(edit.id, fresh(words_of(edit), files))
        return (f"{PREFIX}{finding.rule}", finding.excerpt) if finding else None

    def whole(self, document: Document) -> dict[str, Finding]:
        """Edits that only together say what none of them says alone."""
        found: dict[str, Finding] = {}
        for lines in document.values():
            written = [(line.text, line.origin) for line in lines]
            for part in _written(written):
                text = "\n".join(line for line, _ in part)
                if finding := self.stop("", text):
                    where = _smallest(part, finding.rule)
                    found |= {origin: finding for _, origin in where if origin}
        return found

    def files(self, before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str]]:
        """`(file, why)` of everything in the new skill that may not be written."""
        stopped = ((path, self.stop("", fresh(text, before))) for path, text in after.items())
        return [(path, f"{f.rule}: {f.excerpt}") for path, f in stopped if f]


def _written(lines: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Runs of lines that edits wrote."""
    part: list[tuple[str, str]] = []
    for line in [*lines, ("", "")]:
        if line[1]:
            part.append(line)
        elif part:
            yield part
            part = []


def _smallest(lines: list[tuple[str, str]], rule: str) -> list[tuple[str, str]]:
    """The fewest lines in a row that the rule still stops."""
    for size in range(1, min(len(lines), 12) + 1):
        for start in range(len(lines) - size + 1):
            part = lines[start : start + size]
            if any(f.rule == rule for f in find("\n".join(text for text, _ in part))):
                return part
    return lines


def listed(ledger: Ledger, screen: Screen) -> tuple[Flagged, ...]:
    """Every edit that the screen stopped or let in, with its source."""
    stopped = [
        Flagged(
            id=entry.id,
            rule=entry.rule.removeprefix(PREFIX),
            excerpt=entry.reason,
            stage=entry.stage,
            patch=ledger.nodes[entry.id].patch if entry.id in ledger.nodes else "",
            runs=entry.runs,
        )
        for entry in ledger.dropped
        if entry.rule.startswith(PREFIX)
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


def flagged_texts(texts: Iterable[tuple[str, str]]) -> list[str]:
    """One line for every lesson that would be stopped if it were an edit."""
    return [
        f"{finding.rule}: {name}: {finding.excerpt}"
        for name, text in texts
        for finding in find(text)[:1]
    ]
