"""Takes secrets out of what servers say, however they spell or shorten them."""

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST_SECRET = 6
"""EMPTY, none, x: what users give where no key is needed is not taken out of messages."""
PIECE = 8
"""Characters in a row that give enough of a secret away to be taken out by themselves."""
_UNIT = re.compile(
    r"%(?:25)*([0-9a-f]{2})"  # in an address, also of an address
    r"|&(?:amp;)*(\#\d{1,7}|\#x[0-9a-f]{1,6}|[a-z]{2,8});"
    r"|\\+(?:u00|x)([0-9a-f]{2})"
    r"|\\+([nrt]|.)"  # in JSON, also of JSON
    r"|\s+"
    r"|(.)",
    re.IGNORECASE | re.DOTALL,
)
_SHORTENED = re.compile(r"…|\.{2,}|\*{2,}")


class Hidden:
    """Some secrets. What a server shortens, breaks into lines or writes in capitals is found."""

    def __init__(self, secrets: Iterable[str]) -> None:
        folded = {_fold(secret)[0] for secret in secrets}
        known = [text for text in folded if len(text) >= SHORTEST_SECRET]
        self._whole = {text for text in known if len(text) < PIECE}
        self._pieces = {text[i : i + PIECE] for text in known for i in range(len(text) - PIECE + 1)}
        self._starts = {text[:length] for text in known for length in range(6, PIECE)}

    def hide(self, text: str) -> str:
        if not (self._whole or self._pieces):
            return text
        folded, places = _fold(text)
        parts, end, last = [], 0, -1
        for start, length in self._found(folded):
            begin, stop = places[start][0], places[start + length - 1][1]
            if start > last:  # else it goes on from the piece before
                parts += [text[end:begin], "***"]
            end, last = max(end, stop), max(last, start + length)
        return "".join([*parts, text[end:]])

    def _found(self, folded: str) -> Iterable[tuple[int, int]]:
        for start in range(len(folded) - SHORTEST_SECRET + 1):
            if folded[start : start + PIECE] in self._pieces:
                yield start, PIECE
                continue
            for length in range(SHORTEST_SECRET, PIECE):
                piece, end = folded[start : start + length], start + length
                shortened = piece in self._starts and _SHORTENED.match(folded, end)
                if shortened or piece in self._whole:
                    yield start, len(piece)


def _fold(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The characters that are meant, in small letters and without blanks, and where each stands."""
    characters, places = [], []
    for unit in _UNIT.finditer(text):
        percent, entity, escaped, after_backslash, plain = unit.groups()
        if percent or escaped:
            found = chr(int(percent or escaped, 16))
        elif entity:
            found = html.unescape(f"&{entity};")
        else:
            found = plain or ("" if after_backslash in (None, *"nrt") else after_backslash)
        for character in found.lower():
            characters.append(character)
            places.append(unit.span())
    return "".join(characters), places


def spellings(secrets: Iterable[str]) -> list[str]:
    """As servers usually repeat them: plain, within an address, within JSON. The longest come
    first, as one may hold another. For text that is too long to be searched for every spelling."""
    found: set[str] = set()
    for secret in secrets:
        percent = {quote(secret, safe=safe) for safe in ("", "/", "/+", "/?=&+")}
        found |= {secret, *percent, json.dumps(secret)[1:-1], secret.replace("/", "\\/")}
    return sorted((s for s in found if len(s) >= SHORTEST_SECRET), key=len, reverse=True)
