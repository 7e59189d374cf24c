"""A small skill, lesson records, and a scripted author that proposes, merges and translates.

The author answers by what the prompt asks for, as a model would, so any engine can be tested
against it; `Author(replies={...})` puts given replies in place of its own.
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis.lessons.records import FailingCell, LessonItem, LessonRecord, save_records
from react_agent.flags import parser_of, read
from react_agent.model import Message, Model, Reply, Usage
from skill_evolver.engine.evolution import carry_out
from skill_evolver.engine.job import Job, prepare
from skill_evolver.engine.settings import RecordsEvolution
from skill_evolver.evolve import print_diff

SKILL = """---
name: xlsx
description: Work on spreadsheets
---

# Spreadsheets

## Look first

- List the sheets.

```python
# Read the file
## not a heading
import openpyxl
```

## Write

Write values, not formulas.

## Check

- Read the file back.
"""
TOPICS = (
    "Find the header row by its words before reading the table.",
    "Keep dates as dates when cells are written.",
    "Copy the formats of the row above into new rows.",
    "Strip blanks from keys on both sides of a lookup.",
)


def make_skill(root: Path) -> Path:
    folder = root / "skills" / "xlsx"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "LICENSE.txt").write_text("All rights.\n")
    (folder / "scripts" / "recalc.py").write_text("print('recalculated')\n")
    return folder


def topic_of(number: int) -> str:
    return (
        TOPICS[number % len(TOPICS)]
        if number % 3
        else f"Case {number}: look twice at column order."
    )


def make_records(path: Path, count: int, kind: str = "error", logs: Path | None = None) -> Path:
    records = []
    for number in range(count):
        name = f"{700 + number}-{number + 10}"
        log = ""
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
            (logs / f"agent_{name}_FAILED.md").write_text("# log\n")
            log = str(logs / f"agent_{name}_FAILED.md")
        item = LessonItem(
            type="failure_memory" if kind == "error" else "success_memory",
            number=1,
            title=f"Topic {number}",
            description="What to remember.",
            content=topic_of(number),
        )
        cells = (FailingCell(sheet="Data", cell="B2"),) if kind == "error" else ()
        records.append(
            LessonRecord(
                instance_id=name,
                source_file=f"reports/{name}.md",
                items=(item,),
                trajectory=log,
                failing_cells=cells,
                failing_cells_total=len(cells),
            )
        )
    save_records(path, records)
    return path


def make_patterns(path: Path, count: int) -> Path:
    groups: dict[str, list[dict[str, Any]]] = {"failure_cause": [], "success_memory": []}
    for number in range(count):
        kind = "failure_cause" if number % 2 else "success_memory"
        groups[kind].append(
            {
                "index": number,
                "title": f"Pattern {number}",
                "description": topic_of(number),
                "covered_specific_errors": [f"{800 + number}-1", f"{900 + number}-2"],
            }
        )
    path.write_text(json.dumps(groups))
    return path


class Author:
    """Counts its calls by role in `calls`; `bad(role, number, messages)` may spoil a reply."""

    name = "author"

    def __init__(
        self,
        bad: Callable[[str, int, Sequence[Message]], str | Reply | Exception | None] | None = None,
        *,
        names_sources: bool = True,
        delay: Callable[[str], float] | None = None,
    ) -> None:
        self.bad, self.names_sources, self.delay = bad, names_sources, delay
        self.calls: dict[str, int] = {}

    async def reply(self, messages: Sequence[Message], stop: Sequence[str] = ()) -> Reply:
        role = role_of(messages[0].content)
        self.calls[role] = self.calls.get(role, 0) + 1
        await asyncio.sleep(self.delay(messages[1].content) if self.delay else 0)
        spoiled = self.bad(role, self.calls[role], messages) if self.bad else None
        if isinstance(spoiled, Exception):
            raise spoiled
        if isinstance(spoiled, Reply):
            return spoiled
        text = spoiled if spoiled is not None else self.answer(role, messages)
        return Reply(text=text, usage=Usage(calls=1, prompt_tokens=10, completion_tokens=5))

    def answer(self, role: str, messages: Sequence[Message]) -> str:
        system, user = messages[0].content, messages[1].content
        if role == "review":
            return verdicts(user)
        edits = getattr(self, f"_{role}")(user, "PATCH START" in system)
        if "PATCH START" in system:
            return semantic(edits, "[ITEM_1_START]" in system)
        return "```json\n" + json.dumps({"reasoning": "Seen.", "edits": edits}) + "\n```"

    def _map(self, user: str, markdown: bool) -> list[dict[str, Any]]:
        edits: list[dict[str, Any]] = []
        for block in user.split("#### Record ")[1:]:
            name = block.split(" ", 1)[0]
            said = re.search(r"(Case \d+: .*|" + "|".join(map(re.escape, TOPICS)) + ")", block)
            assert said
            edit = {
                "file": "SKILL.md",
                "op": "append_to_section",
                "target_section": "## Write",
                "content": f"- {said[0]}",
                "sources": [name],
            }
            number = int(name.split("-")[-1])
            edits.append(edit)
            if number % 5 == 0 and not markdown:
                path = f"references/topic-{number}.md"
                link = f"- On unusual case {number} open [{path}]({path})."
                edits.append({**edit, "target_section": "## Check", "content": link})
                text = f"# Topic {number}\n\nAll about unusual case {number}.\n"
                edits.append({"file": path, "op": "create", "content": text, "sources": [name]})
        return edits

    def _merge(self, user: str, markdown: bool) -> list[dict[str, Any]]:
        given = user[user.rfind("# Patches to Merge") :]
        found = semantic_items(given) if markdown else json_lines(given)
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for edit in found:
            key = (edit["file"], edit.get("content", edit.get("instruction", "")))
            name = edit.pop("id")
            edit.pop("support", None)
            merged.setdefault(key, {**edit, "sources": []})["sources"].append(name)
        if not self.names_sources:
            for edit in merged.values():
                del edit["sources"]
        return list(merged.values())

    def _translation(self, user: str, markdown: bool) -> list[dict[str, Any]]:
        given = user[user.rfind("# Edits to Translate") :]
        items = semantic_items(given)
        content = items[0]["content"] if items else json_lines(given)[0]["content"]
        place = {"file": "SKILL.md", "op": "append_to_section", "target_section": "## Write"}
        return [{**place, "content": content}]

    def _verification(self, user: str, markdown: bool) -> list[dict[str, Any]]:
        return []


def role_of(system: str) -> str:
    head = system[:600]
    for role, cue in (
        ("translation", "You translate edits"),
        ("merge", "You merge patches"),
        ("verification", "failed validation"),
        ("review", "You review the change"),
        ("map", "You improve a skill"),
    ):
        if cue in head:
            return role
    raise AssertionError(f"no role in {head!r}")


def verdicts(user: str, harmful: str = "") -> str:
    """On every edit that the review names; those whose lines hold the words are harmful."""
    names = re.findall(r"e\d+", user.rpartition("Give your verdict on ")[2])
    bad = {name for name, text in re.findall(r"\[(e\d+)\] (.*)", user) if harmful in text}
    said = [
        {"edit": name, "verdict": "harmful", "reason": "It would."}
        if harmful and name in bad
        else {"edit": name, "verdict": "fine"}
        for name in names
    ]
    return json.dumps({"verdicts": said})


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"')]


def semantic_items(text: str) -> list[dict[str, Any]]:
    found = re.findall(
        r"(?:Item Id: (\S+)[^\n]*\n)?Target File: (.*)\nEdit Intent: (.*)\nLocation Hint: (.*)\n"
        r"Change Instruction:\n(.*)",
        text,
    )
    names = ("id", "file", "intent", "hint", "content")
    return [dict(zip(names, item, strict=True)) for item in found]


def semantic(edits: Sequence[dict[str, Any]], bracket: bool) -> str:
    lines = [
        "===== PATCH START =====",
        "Reasoning:",
        "Seen.",
        "",
        "Changelog:",
        "- one",
        "",
        "Items:",
    ]
    for number, edit in enumerate(edits, start=1):
        lines.append(f"[ITEM_{number}_START]" if bracket else f"### Item {number}")
        if edit.get("sources"):
            lines.append(f"Sources: {', '.join(edit['sources'])}")
        lines += [f"Target File: {edit['file']}", "Edit Intent: add a lesson"]
        lines += ["Location Hint: the section Write", "Change Instruction:", edit["content"], ""]
    return "\n".join([*lines, "===== PATCH END ====="])


def job_of(skill: Path, records: Path, *more: str, lessons: str = "auto") -> Job:
    """The evolution that these flags ask for."""
    base = skill.parent.parent
    flags = ["--skill-dir", str(skill), "--input-json", str(records), "--lessons", lessons]
    flags += ["--parse-failure-dir", str(base / "parse_failures_parallel"), *more]
    return prepare(read(RecordsEvolution, parser_of(RecordsEvolution, "").parse_args(flags)))


def run(skill: Path, records: Path, model: Model, *more: str, lessons: str = "auto") -> int:
    """One evolution, in this process."""
    job = job_of(skill, records, *more, lessons=lessons)
    show = print_diff if job.settings.show_diff else None
    result = asyncio.run(carry_out(job, model, show))
    print(result.text)
    return result.code


def intermediates_of(skill: Path) -> Path:
    return skill.with_name(f"{skill.name}_parallel_output")


def summary_of(skill: Path) -> dict[str, Any]:
    file = skill.parent.parent / "skills_evolution" / "xlsx" / "evolution_summary.json"
    value: dict[str, Any] = json.loads(file.read_text())
    return value
