"""The answer that a reply declares: its last `Answer:` line or `\\boxed{...}`."""

import re

_LINE = re.compile(r"^[ \t>*_#`-]*(?:final )?answer[*_` ]*(?::|is\b:?)[*_` \t]*(.*)$", re.I | re.M)
_BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,9}\{|[{}]")
LONGEST = 4_000
"""Characters of an answer. It is looked for in the last `SEEN` of a reply."""
SEEN = 100_000


def declared(text: str) -> str | None:
    """None where nothing is declared. What stands after the declaration counts for nothing."""
    text = text[-SEEN:]
    found = [(line.start(), line[1]) for line in _LINE.finditer(text) if line[1].strip()]
    found += _boxes(text)
    if not found:
        return None
    answer = max(found)[1]
    boxed = [inside for _, inside in _boxes(answer)]
    return (boxed[-1] if boxed else answer).strip().strip("*_`").strip()[:LONGEST]


def _boxes(text: str) -> list[tuple[int, str]]:
    """Where each box stands that is closed, and what is in it."""
    found: list[tuple[int, str]] = []
    opened: list[re.Match[str] | None] = []
    for brace in _BRACE.finditer(text):
        if brace[0] != "}":
            opened.append(None if brace[0] == "{" else brace)
        elif opened and (box := opened.pop()):
            found.append((box.start(), text[box.end() : brace.start()][:LONGEST]))
    return found
