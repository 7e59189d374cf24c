"""The rules a skill folder has to keep, checked on `{path: text}` and, at the end, on disk.

Frontmatter rules are those of the agentskills specification, as `skills-ref` has them; size and
link rules are this project's contract. A fault the skill already had before is not the
evolution's: `new_problems` compares.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from react_agent.errors import ContractError
from react_agent.skill_format import Problem
from react_agent.skills import MAIN, Skill, is_inside, read_metadata, split_frontmatter
from skill_evolver.patches.places import outline, to_lines

MAX_SKILL_LINES = 500
MAX_REFERENCE_LINES = 300
PLACEHOLDERS = frozenset({"new section", "untitled", "section title", "todo"})
_MENTION = re.compile(r"(?<![\w./-])references/[\w./-]*\w")
_LINK = re.compile(r"\]\(\s*<?([^)<>#?\s]+)")


def check(
    files: Mapping[str, str],
    *,
    other_files: Iterable[str] = (),
    max_skill_lines: int = MAX_SKILL_LINES,
) -> list[Problem]:
    """Everything in this skill that breaks a rule."""
    if MAIN not in files:
        return [Problem("main", MAIN, "is missing")]
    found = _frontmatter(files[MAIN])
    lines = len(to_lines(files[MAIN]))
    if lines >= max_skill_lines:
        found.append(
            Problem("size", MAIN, f"has {lines} lines; it has to stay under {max_skill_lines}")
        )
    for path, text in sorted(files.items()):
        if not path.endswith(".md"):
            continue
        if path != MAIN and len(to_lines(text)) >= MAX_REFERENCE_LINES:
            message = f"has {len(to_lines(text))} lines; it has to stay under {MAX_REFERENCE_LINES}"
            found.append(Problem("size", path, message))
        found += _markdown(path, text)
    return found + _links(files, set(other_files))


def new_problems(before: Iterable[Problem], after: Iterable[Problem]) -> list[Problem]:
    """What is wrong now and was not wrong in the same way before."""
    known = {(p.rule, p.file, "" if p.rule == "size" else p.message) for p in before}
    return [
        p for p in after if (p.rule, p.file, "" if p.rule == "size" else p.message) not in known
    ]


def check_folder(skill: Skill, max_skill_lines: int = MAX_SKILL_LINES) -> list[Problem]:
    """The rules on a folder as it lies on disk, with the specification's own validator.

    The folder's name may differ from the skill's, so that message of the validator is left out.
    """
    from skills_ref import validate

    found = check(skill.files, other_files=skill.other_files, max_skill_lines=max_skill_lines)
    messages = [m for m in validate(skill.root) if "must match skill name" not in m]
    return found + [Problem("skills-ref", MAIN, message) for message in messages]


def mentions(text: str) -> set[str]:
    """The references a text points at, linked or named."""
    return {m[0].rstrip(".") for m in _MENTION.finditer(text)}


def _frontmatter(text: str) -> list[Problem]:
    from skills_ref.validator import validate_metadata

    header, _ = split_frontmatter(text)
    if not header:
        return [Problem("frontmatter", MAIN, "has no YAML frontmatter between --- lines")]
    try:
        fields: dict[str, Any] = read_metadata(text)
    except ContractError as error:
        return [Problem("frontmatter", MAIN, str(error))]
    found = [Problem("frontmatter", MAIN, message) for message in validate_metadata(fields)]
    description = str(fields.get("description", ""))
    if "<" in description or ">" in description:
        found.append(Problem("frontmatter", MAIN, "the description has angle brackets"))
    return found


def _markdown(path: str, text: str) -> list[Problem]:
    found = []
    view = outline(text)
    if view.open_fence:
        found.append(Problem("fence", path, "a code fence is never closed"))
    if not "".join(to_lines(text)[view.body :]).strip():
        found.append(Problem("empty", path, "says nothing"))
    for section in view.sections:
        if section.title.casefold() in PLACEHOLDERS or not section.title:
            found.append(Problem("heading", path, f"has a section called {section.title!r}"))
    return found


def _links(files: Mapping[str, str], others: set[str]) -> list[Problem]:
    there = set(files) | others
    found, pointed = [], set()
    for path, text in sorted(files.items()):
        if not path.endswith(".md"):
            continue
        targets = mentions(text)
        for link in _LINK.findall(text):
            if "://" not in link and not link.startswith(("mailto:", "#", "/")) and "." in link:
                beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
                targets.add(link if link in there and beside not in there else beside)
        for target in sorted(targets):
            if target not in there and not _is_folder(target, there):
                found.append(Problem("link", path, f"points at {target}, which does not exist"))
        pointed |= targets - {path}
    for path in sorted(files):
        if path.startswith("references/") and path not in pointed and is_inside(path):
            found.append(Problem("orphan", path, "no file of the skill points at it"))
    return found


def _is_folder(target: str, there: set[str]) -> bool:
    return any(path.startswith(f"{target.rstrip('/')}/") for path in there)
