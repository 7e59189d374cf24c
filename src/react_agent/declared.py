"""The answer that a reply declares: its last `Answer:` line or `\\boxed{...}`."""

import re

_LINE = re.compile(r"^[ \t>*_#`-]*(?:final )?answer[*_` ]*(?::|is\b:?)[*_` \t]*(.*)$", re.I | re.M)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
LONGEST = 4_000
"""Characters of an answer. It is looked for in the last `SEEN` of a reply."""
SEEN = 100_000


def declared(text: str) -> str | None:
    """None where nothing is declared. What stands after the declaration counts for nothing."""
    text = text[-SEEN:]
    found = [(line.start(), line[1]) for line in _LINE.finditer(text) if line[1].strip()]
    found += [(box.start(), inside) for box, inside in _boxes(text)]
    if not found:
        return None
    answer = max(found)[1]
    boxed = [inside for _, inside in _boxes(answer)]
    return (boxed[-1] if boxed else answer).strip().strip("*_`").strip()[:LONGEST]


def _boxes(text: str) -> list[tuple[re.Match[str], str]]:
    """Each box that is closed, with what is in it."""
    found = []
    for box in _BOX.finditer(text):
        depth = 1
        for place in range(box.end(), min(len(text), box.end() + LONGEST)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if not depth:
                found.append((box, text[box.end() : place]))
                break
    return found
