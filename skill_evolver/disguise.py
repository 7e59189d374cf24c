"""Read a text as whoever obeys it would: folded, joined, decoded. Pure functions, no model.

`views` gives the plain reading of a text and what comes out of the usual ways to hide one: odd
letters, invisible characters, words torn apart, and encodings, also inside each other. Every view
is small letters with single blanks, so that a pattern need not care.
"""

import base64
import binascii
import codecs
import contextlib
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

DEPTH = 3
"""Encodings inside each other that are followed."""
MAX_VIEWS = 120
LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝмтвнкАВЕКМНОРСТУХІЈЅαοιρνκτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡɑıℓ",
    "aeopcyxijshdqwmtbhkABEKMHOPCTYXIJSaoipvktuxABEZHIKMNOPTYXgail",
)
LEET = str.maketrans("013457@$!", "oieastasi")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_EMOJI_JOIN = re.compile("(?<=[\u2190-\u2bff\U0001f000-\U0001faff])[\ufe0f\u200d]+|\ufe0f")
_GLUE = re.compile(
    r"(?<=[\w./:-])(?:'\s*\+\s*'|\"\s*\+\s*\"|['\"\\^]{1,2}|\$@|\$\{?u\}?)(?=[\w./:-])"
)
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*|]){4,}\w(?!\w)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE32 = re.compile(r"\b[A-Z2-7]{16,}={0,6}")
_HEX = re.compile(r"(?:\b|0x)(?:[0-9a-fA-F]{2}[ :,-]?){6,}")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u\{?[0-9a-fA-F]{4}\}?|\\[0-7]{3})")
_MARKS = re.compile(r"\*{1,3}|__|~~|`|<!--.*?-->|</?\w{1,9}>", re.DOTALL)
_LATIN = re.compile("[A-Za-z]")
_NUMBERS = re.compile(r"(?:\d{2,6}\s*[,;]?\s+|\d{2,6},){6,}\d{2,6}")
_CHARS = re.compile(r"(?:chr|char|unichar|fromcharcode)\(\s*(\d{2,3})\s*\)\s*[+&,.]*\s*", re.I)


def hidden(text: str) -> str:
    """The characters of a text that nobody sees; what joins or colours emoji does not count."""
    rest = _EMOJI_JOIN.sub("", text)
    unassigned = [c for c in rest if unicodedata.category(c) in ("Cc", "Cn", "Co", "Cs")]
    return "".join([*_INVISIBLE.findall(rest), *(c for c in unassigned if c not in "\t\n\r")])


def mixed_words(text: str) -> list[str]:
    """Words of Latin letters with look-alikes of another script in them."""
    words = re.findall(r"[^\W\d_]{3,}", text)
    foreign = re.compile("[\u0370-\u052f]")
    return [
        w for w in words if w.translate(LOOKALIKES) != w and foreign.search(w) and _LATIN.search(w)
    ]


def plain(text: str) -> str:
    """Compatibility forms folded, invisible characters out, look-alikes exchanged; case is kept."""
    tags = "".join(chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) <= 0xE007E else c for c in text)
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", tags)).translate(LOOKALIKES)
    marks = unicodedata.normalize("NFD", folded)
    return "".join(c for c in marks if not unicodedata.combining(c))


def views(text: str) -> list[tuple[str, str]]:
    """`(how, reading)`, the plain reading first; no reading twice."""
    found: dict[str, str] = {}
    todo = [("", plain(text), 0), ("without marks", plain(_MARKS.sub("", text)), 0)]
    while todo and len(found) < MAX_VIEWS:
        how, reading, depth = todo.pop(0)
        turned = how.endswith(("rot13", "backwards"))
        for kind, form in [("", reading)] if turned else _forms(reading):
            flat = " ".join(form.casefold().split())
            found.setdefault(flat, ", ".join(filter(None, (how, kind))))
        if depth < DEPTH:
            for kind, inner in [*_decoded(reading), *(() if turned else _turned(reading))]:
                todo.append((", ".join(filter(None, (how, kind))), plain(inner), depth + 1))
    return [(how, reading) for reading, how in found.items()]


def _forms(text: str) -> Iterator[tuple[str, str]]:
    """The same words, put together where they were torn apart."""
    yield "", text
    yield "without marks", _MARKS.sub("", text)
    yield "joined lines", re.sub(r"\\?\n[ \t>*+-]*", "", text)
    yield "joined words", _GLUE.sub("", re.sub(r"\$\{?IFS\}?", " ", text))
    yield "joined letters", _SPACED.sub(lambda m: re.sub(r"[ .\-_*|]", "", m[0]), text)
    yield (
        "digits for letters",
        re.sub(r"\b(?=\w*[^\W\d_])[\w@$!]+", lambda m: m[0].translate(LEET), text),
    )


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    tight = re.sub(r"(?<=[A-Za-z0-9+/=])\s*\n\s*(?=[A-Za-z0-9+/=])", "", text)
    for source in dict.fromkeys((text, tight)):
        for word in _BASE64.findall(source):
            yield from _bytes("base64", _unbase64(word))
        for word in _BASE32.findall(source):
            yield from _bytes("base32", _unbase32(word))
        for word in _HEX.findall(source):
            digits = re.sub("[^0-9a-fA-F]", "", word.removeprefix("0x"))
            yield from _bytes("hex", bytes.fromhex(digits[: len(digits) // 2 * 2]))
    if len(_ESCAPES.findall(text)) > 2:
        characters = _ESCAPES.sub(lambda m: _character(m[0]), text)
        yield "escapes", characters
        with contextlib.suppress(UnicodeError):  # they may be bytes of longer characters
            yield "escapes", characters.encode("latin-1").decode("utf-8")
    for kind, inner in (("percent", unquote(text)), ("entities", html.unescape(text))):
        if inner != text:
            yield kind, inner
    for numbers in _NUMBERS.findall(text):
        codes = (int(n) for n in re.findall(r"\d+", numbers))
        yield from _readable("character codes", "".join(map(chr, codes)))
    if len(_CHARS.findall(text)) > 3:
        yield "character codes", _CHARS.sub(lambda m: chr(int(m[1])), text)


def _turned(text: str) -> Iterator[tuple[str, str]]:
    yield "rot13", codecs.encode(text, "rot13")
    yield "backwards", text[::-1]
    yield "rot13 backwards", codecs.encode(text[::-1], "rot13")


def _character(escape: str) -> str:
    digits = re.sub("[^0-9a-fA-F]", "", escape[1:])
    return chr(int(digits, 8 if escape[1].isdigit() else 16))


def _unbase64(word: str) -> bytes:
    stem = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(stem + "=" * (-len(stem) % 4))
    except binascii.Error:
        return b""


def _unbase32(word: str) -> bytes:
    stem = word.rstrip("=")
    try:
        return base64.b32decode(stem + "=" * (-len(stem) % 8))
    except binascii.Error:
        return b""


def _bytes(how: str, raw: bytes) -> Iterator[tuple[str, str]]:
    for encoding in ("utf-8", "utf-16-le"):
        with contextlib.suppress(UnicodeDecodeError):
            yield from _readable(how, raw.decode(encoding))


def _readable(how: str, text: str) -> Iterator[tuple[str, str]]:
    """Only what reads as text: nearly every long word is base64 of something."""
    folded = plain(text)
    if (
        len(folded) >= 4
        and folded.isascii()
        and all(c.isprintable() or c in "\t\r\n" for c in folded)
    ):
        yield how, folded
