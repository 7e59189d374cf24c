"""What an id, or another text of a data set, is called as a file or folder; can be read back.

Ordinary names stay as they are, so that runs lie as they are published. What a file system or
another name of a run would take for something else is percent-encoded, byte by byte.
"""

import re

from react_agent import layout
from react_agent.files import digest

LONGEST = 80
"""Bytes; two such names, an agent's and an ending make one file name."""
_CUT = "%~"
"""Between the beginning of a text that is too long and its digest; no encoded byte looks so."""
_ODD = re.compile(
    r"[^\w. -]"
    r"|\A[. ]"  # hidden, `.`, `..`
    r"|_(?=(?:SUCCEED|FAILED|prompt|seed_-?\d+)\Z)"  # endings that mean something in names of ours
)
_ENCODED = re.compile("(?:%[0-9A-F]{2})+")
_OWN = frozenset(
    {
        *(layout.OUTPUTS, layout.LOGS, layout.WORK, layout.VERDICTS, layout.BUDGET),
        *(layout.RUN_SETTINGS, layout.RESULT_LINES, layout.RESULTS, layout.UNPARSED),
        *(layout.ANALYSIS_SETTINGS, layout.ANALYSIS_SUMMARY, "chat"),
        *map(layout.record_file, ("error", "success")),
    }
)


def is_own(name: str) -> bool:
    """Whether a run or an analysis has a file or folder of that name beside those of its tasks."""
    return name in _OWN or name.startswith((".", layout.seed_name(0)[:-1]))


def file_name(text: str) -> str:
    """One component of a path, of at most `LONGEST` bytes; no two texts have the same."""
    name = _ODD.sub(lambda found: _bytes(found[0]), text)
    if is_own(name):
        name = _bytes(name[0]) + name[1:]
    if len(name.encode()) <= LONGEST:
        return name
    end = f"{_CUT}{digest(text)[:16]}"
    start, room = "", LONGEST - len(end)
    for piece in re.findall(r"%[0-9A-F]{2}|.", name):
        if len((start + piece).encode()) > room:
            break
        start += piece
    return start + end


def case_folder(task_id: str, case: str) -> str:
    """The name of a case's working folder, once the case has ended."""
    return f"{file_name(task_id)}_{file_name(case)}"


def neutral_folder(task_id: str, case: str) -> str:
    """Its name as long as an agent works in it, which says nothing of the task."""
    return f"case-{digest(task_id, case)[:12]}"


def is_cut(name: str) -> bool:
    """Whether a file name holds only the beginning of its text."""
    return _CUT in name


def text_of(name: str) -> str:
    """What `file_name` made this name of. A name that is cut, or of another making, stays."""
    try:
        text = _ENCODED.sub(
            lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "surrogatepass"),
            name,
        )
    except UnicodeDecodeError:
        return name
    return text if file_name(text) == name else name


def _bytes(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
