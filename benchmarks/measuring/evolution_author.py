"""Records and replies for `evolution.py`, of about the size that models write.

Each record teaches two of `POOL` lessons; MAP proposes an edit for each, and a merge unites edits
with one title and names their sources.
"""

import json
import random
import re
from collections.abc import Sequence
from typing import Any

from analysis.lessons.records import LessonItem, LessonRecord
from react_agent.model import Message
from skill_evolver.engine.asking import PROMPTS
from skill_evolver.engine.inputs import KINDS, LessonEntry, Run

POOL = 60
"""Different lessons; of 323 records with two each every lesson is seen about ten times."""
WORDS = """column header row sheet workbook range value formula date text number blank key lookup
    format style total filter merge sort order before after check read write save open cell last
    first every only when target source duplicate type decimal currency unit sign range name"""
VOCABULARY = WORDS.split()


def prose(seed: str, words: int) -> str:
    dice = random.Random(seed)
    return " ".join(dice.choice(VOCABULARY) for _ in range(words)).capitalize() + "."


def entries(count: int) -> list[LessonEntry]:
    """Records as the engine gets them: through the product's own template."""
    return [entry(number) for number in range(count)]


def entry(number: int) -> LessonEntry:
    dice = random.Random(f"record {number}")
    items = []
    for place, lesson in enumerate(dice.sample(range(POOL), 2), start=1):
        about = f"{number} {lesson}"
        said = {"description": prose(f"d {about}", 20), "content": prose(f"c {about}", 60)}
        title = f"Lesson-{lesson} {prose(str(lesson), 5)}"
        cause = prose(f"cause {about}", 8)
        items.append(LessonItem(type="failure_cause", number=place, title=cause, **said))
        items.append(LessonItem(type="failure_memory", number=place, title=title, **said))
    name = f"{40_000 + number}"
    record = LessonRecord(instance_id=name, items=tuple(items), error_class="wrong_values")
    text = PROMPTS.render(
        "map/entry_record.j2", record=record, success=False, unjudged=False, kinds=KINDS
    )
    run = Run(key=name, task=name, kind="error")
    return LessonEntry(name, text, (run,), frozenset(item.type for item in items))


def answer(messages: Sequence[Message]) -> str:
    user = messages[1].text
    patches = user.partition("# Patches to Merge")[2]
    edits = merged(patches) if patches else proposed(user, user.rpartition("# The evidence")[2])
    titles = [edit["title"] for edit in edits]
    value = {"reasoning": prose(user[-200:], 60), "edits": edits, "changelog_entries": titles}
    return f"```json\n{json.dumps(value)}\n```"


def proposed(user: str, evidence: str) -> list[dict[str, Any]]:
    headings = re.findall(r"^## (?!Skill Folder).+$", user.partition("# The evidence")[0], re.M)
    found = []
    for lesson in sorted(set(re.findall(r"Lesson-(\d+)", evidence))):
        found.append(
            {
                "file": "SKILL.md",
                "op": "append_to_section",
                "target_section": headings[int(lesson) % len(headings)],
                "content": f"- **Lesson {lesson}.** {prose(f'edit {lesson}', 75)}",
                "title": f"Lesson {lesson}",
            }
        )
    return found


def merged(patches: str) -> list[dict[str, Any]]:
    united: dict[str, dict[str, Any]] = {}
    for line in re.findall(r"^\{.*\}$", patches, re.MULTILINE):
        edit = json.loads(line)
        name = edit.pop("id")
        edit.pop("support")
        united.setdefault(edit["title"], edit | {"sources": []})["sources"].append(name)
    return list(united.values())
