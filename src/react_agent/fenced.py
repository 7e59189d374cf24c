"""Material in a prompt, kept apart from the prompt's own words by marks that it cannot contain."""

import json
import re
from itertools import count
from typing import Any


def fenced(text: str, name: str, **attributes: Any) -> str:
    """The text between `<name>` and `</name>`; where it says that itself, in `<name-2>` or so."""
    marks = (name if number == 1 else f"{name}-{number}" for number in count(1))
    used = {found.casefold() for found in re.findall(r"<\s*/?\s*([\w-]+)", text)}
    mark = next(mark for mark in marks if mark.casefold() not in used)
    said = {key: json.dumps(one_line(str(v)), ensure_ascii=False) for key, v in attributes.items()}
    fields = "".join(f" {key}={value}" for key, value in said.items())
    return f"<{mark}{fields}>\n{text}\n</{mark}>"


def one_line(text: str) -> str:
    """A name as it can stand in a line: what would end the line is spelt out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
