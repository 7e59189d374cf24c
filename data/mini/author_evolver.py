"""The demo's evolver: an edit for each lesson, and merges that say each thing once."""

import json
import re
from typing import Any

from author_analysts import LESSONS, READ_BACK
from author_model import Messages

SECTION = "## Guidelines"
DATES = "references/dates.md"


def propose(messages: Messages) -> str:
    """MAP: the memory items of the records become lines of the skill."""
    evidence = messages[1]["content"].partition("# The evidence")[2]
    edits = []
    for title, content in known_lessons():
        if title in evidence:
            edits += edits_for(title, content)
    if not edits:
        return patch("The records hold nothing that the skill does not say.", [])
    return patch("Each line names the moment it applies, what to do, and how to check it.", edits)


def known_lessons() -> list[tuple[str, str]]:
    failures = [(one.memory, one.content) for one in LESSONS.values()]
    keys = (
        "Compare lookup keys in one form",
        "Bring the keys of both sides to one form before a lookup: types often differ "
        "(417 and '417'). Count the keys that were found.",
    )
    return [*failures, (READ_BACK[0], READ_BACK[2]), keys]


def edits_for(title: str, content: str) -> list[dict[str, str]]:
    """One line under the guidelines; text dates also get a reference, as they need an example."""
    line = f"- **{title}.** {content}"
    if "text dates" not in title:
        return [append(line, title)]
    pointer = f"- **{title}.** Mixed columns are common; how to do it: [{DATES}]({DATES})."
    body = (
        f"# Text dates\n\n{content}\n\n```python\nfrom datetime import datetime\n\n"
        'def as_date(value, form="%d/%m/%Y"):\n'
        "    if isinstance(value, datetime):\n        return value\n"
        "    return datetime.strptime(value.strip(), form)\n```\n"
    )
    return [
        append(pointer, title),
        {"file": DATES, "op": "create", "content": body, "title": title},
    ]


def append(content: str, title: str) -> dict[str, str]:
    return {
        "file": "SKILL.md",
        "op": "append_to_section",
        "target_section": SECTION,
        "content": content,
        "title": title,
    }


def merge(messages: Messages) -> str:
    """REDUCE: edits with one title become one edit that names all its sources."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    support: dict[tuple[str, str, str], int] = {}
    for edit in given_edits(messages[1]["content"].partition("# Patches to Merge")[2]):
        key = (edit.get("title", ""), edit["op"], edit["file"])
        source, count = edit.pop("id"), edit.pop("support")
        groups.setdefault(key, edit | {"sources": []})["sources"].append(source)
        support[key] = support.get(key, 0) + count
    ranked = sorted(groups, key=lambda key: -support[key])
    return patch("Recurring lessons first, each said once.", [groups[key] for key in ranked])


def given_edits(text: str) -> list[dict[str, Any]]:
    """One JSON object a line, as the merge prompt shows them."""
    lines = re.findall(r"^\{.*\}$", text, re.MULTILINE)
    return [edit for edit in map(json.loads, lines) if "op" in edit]


def patch(reasoning: str, edits: list[dict[str, Any]]) -> str:
    titles = list(dict.fromkeys(edit["title"] for edit in edits if edit.get("title")))
    value = {"reasoning": reasoning, "edits": edits, "changelog_entries": titles}
    return f"```json\n{json.dumps(value, ensure_ascii=False, indent=1)}\n```"
