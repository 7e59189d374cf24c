"""Whether an evolution taught anything: a skill like its start, or an echo of the agent's prompt.

An agent is told the prompt with any skill; a line that only says it again can help nobody.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

import spreadsheet_agent

PROMPTS = Path(spreadsheet_agent.__file__).parent / "prompts"
"""What the published agent is told."""
SHARE = 0.8
"""Of a sentence's words; when one sentence of the prompt has so many, it is a restatement."""
LEAST = 3
"""Words of weight without which a sentence says too little to be measured."""

_MARKS = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_ENDS = re.compile(r"[.;:!?](?=\s|$)|\n")
_WORD = re.compile(r"\w{3,}")
_EMPTY = re.compile(
    r"(?:the|and|that|this|with|from|for|are|you|your|its|but|has|have|was|were|all|any|before"
    r"|after|into|then|there|where|when|which|will|can|must|should|always|each|every)"
)


class Change(BaseModel, frozen=True):
    """What the text of a skill has gained, beside what the agent is told anyway."""

    kind: Literal["none", "echo", "new"]
    sentences: int = 0
    """New ones that say enough to be measured."""
    restated: tuple[str, ...] = ()
    """Those of them that stand in the prompt."""

    def __str__(self) -> str:
        if self.kind == "none":
            return "NO CHANGE: the evolved skill says what it said at the start"
        if self.kind == "echo":
            return "ECHO: all that the skill has gained restates the prompt that any agent is given"
        told = len(self.restated)
        return f"{told} of {self.sentences} new sentences restate the agent's prompt" * bool(told)


def change_of(
    before: Mapping[str, str], after: Mapping[str, str], prompts: Path = PROMPTS
) -> Change:
    """Spaces and the order of lines do not count."""
    old, new = _lines(before), _lines(after)
    if old == new:
        return Change(kind="none")
    gained = [sentence for line in new if line not in old for sentence in _sentences(line)]
    told = [_words(s) for file in sorted(prompts.glob("*.j2")) for s in _sentences(_text(file))]
    restated = [sentence for sentence in gained if _restates(sentence, told)]
    only = bool(gained) and len(restated) == len(gained) and new.keys() >= old.keys()
    kind: Literal["echo", "new"] = "echo" if only else "new"
    return Change(kind=kind, sentences=len(gained), restated=tuple(restated))


def _lines(files: Mapping[str, str]) -> Counter[str]:
    """How often each line stands in the skill."""
    lines = (" ".join(line.split()) for text in files.values() for line in text.splitlines())
    return Counter(line for line in lines if line)


def _text(file: Path) -> str:
    return _MARKS.sub(" ", file.read_text("utf-8"))


def _sentences(text: str) -> Iterator[str]:
    """Headings are names of what follows them, and say nothing by themselves."""
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            for part in _ENDS.split(line):
                if len(_words(part)) >= LEAST:
                    yield part.strip(" \t-*>")


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in _WORD.findall(text.casefold()) if not _EMPTY.fullmatch(w))


def _restates(sentence: str, told: list[frozenset[str]]) -> bool:
    words = _words(sentence)
    return any(len(words & other) >= SHARE * len(words) for other in told)
