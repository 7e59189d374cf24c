"""Is an answer the right integer? Read by us; math-verify is asked for a second opinion only."""

import re

_INTEGER = re.compile(r"[+-]?\d{1,1000}(\.0{1,20})?", re.ASCII)
_DECORATION = re.compile(r"\\[,;:! ]|\\(?:text|mathrm|mathbf|textbf|mbox)\b|\\[()\[\]]|[${}*`]")
_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def integer(text: str) -> int | None:
    """Of a declared answer such as `$1{,}024$`, `x = -7` or `\\text{73}.`; None of anything else.

    Fractions, sums and units are none: the answer has to be computed to its end.
    """
    bare = _DECORATION.sub("", text.replace("−", "-").replace("{,}", ","))
    bare = re.sub(r"\A\s*[A-Za-z]{1,3}\s*=", "", bare)
    bare = _GROUPS.sub("", bare).strip().removesuffix(".").strip()
    return int(bare.partition(".")[0]) if _INTEGER.fullmatch(bare) else None


def right(gold: str, given: str) -> bool:
    """As integers; a gold that is none is compared as text, without spaces and decoration."""
    wanted = integer(gold)
    if wanted is not None:
        return integer(given) == wanted
    return _plain(gold) == _plain(given) != ""


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"\\[,;:! ]|[$]", "", text)).removesuffix(".").lower()
