"""What a run left on disk: whether every file is whole, and what has to be equal between runs."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AGENTS = ("work", "validation_work", "agent_work")
"""Folders whose files are the agent's, who may well have been in the middle of one."""
VARYING = re.compile(r"(_at|^at|created|timestamp|seconds|finished|spent|mtime|duration|date)$")
"""Fields that no second run can repeat."""
VARYING_LINE = re.compile(r"^- (timestamp|seconds): .*$", re.MULTILINE)


def damaged(folder: Path, *, killed: bool = False, full: bool = False) -> list[str]:
    """One line for each file that is half-written. Right after a kill a temporary file may lie
    about, and after it or on a full disk the last line of a list may be torn: the next start has
    to deal with both."""
    found = []
    for path in files(folder):
        if path.suffix == ".tmp":
            problem = "" if killed else "left over"
        else:
            problem = _problem(path, killed or full)
        if problem:
            found.append(f"{path.relative_to(folder)}: {problem}")
    return found


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not set(path.relative_to(folder).parts[:-1]) & set(AGENTS):
            yield path


def _problem(path: Path, torn: bool) -> str:
    try:
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix == ".jsonl":
            _read_lines(path, torn)
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                return f"damaged {bad}" if (bad := book.testzip()) else ""
        elif path.suffix in (".md", ".html"):
            return "" if path.read_text("utf-8").endswith("\n") else "cut off"
    except (ValueError, zipfile.BadZipFile) as error:
        return str(error)[:100]
    return ""


def _read_lines(path: Path, torn: bool) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if torn and lines and not lines[-1].endswith(b"\n"):
        del lines[-1]
    for line in lines:
        json.loads(line)


def leaves(folder: Path, *patterns: str) -> dict[str, str]:
    """The files that two runs with equal settings have to leave alike, without times and places."""
    found = {}
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            text = path.read_text("utf-8").replace(str(folder), "FOLDER")
            if path.suffix == ".json":
                text = json.dumps(steady(json.loads(text)), sort_keys=True)
            found[str(path.relative_to(folder))] = VARYING_LINE.sub("", text)
    return found


def steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if not VARYING.search(k)}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return value


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    names = sorted({*one, *other})
    return [
        f"{name}: not as in an unbroken run" for name in names if one.get(name) != other.get(name)
    ]
