"""Skill folders as people have them, and edits and writers that stand in each other's way."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
from evolving import (
    SKILL,
    Author,
    intermediates_of,
    job_of,
    make_records,
    make_skill,
    run,
    summary_of,
)

from react_agent.errors import ContractError
from react_agent.skills import Skill, backup, list_backups, only_editor, restore, write_skill
from skill_evolver.engine.evolution import carry_out
from skill_evolver.engine.result import NOT_WRITTEN

LESSON = {"file": "SKILL.md", "op": "append_to_section", "target_section": "## Write"}


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return make_records(tmp_path / "records.json", 4)


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def test_line_ends_stay_as_they_are(skill: Path, records: Path) -> None:
    (skill / "SKILL.md").write_bytes(SKILL.replace("\n", "\r\n").encode())
    licence = b"All rights.\r\nNo end"
    (skill / "LICENSE.txt").write_bytes(licence)
    assert run(skill, records, Author()) == 0
    data = (skill / "SKILL.md").read_bytes()
    assert b"look twice" in data
    assert data.count(b"\n") == data.count(b"\r\n")
    assert (skill / "LICENSE.txt").read_bytes() == licence


def test_without_a_lesson_nothing_is_written(skill: Path, records: Path) -> None:
    (skill / "SKILL.md").write_bytes(SKILL.rstrip().encode())
    before = Skill.load(skill).digest
    nothing = '```json\n{"reasoning": "", "edits": []}\n```'
    run(skill, records, Author(lambda *_: nothing))
    assert Skill.load(skill).digest == before
    assert list_backups(skill) == []


def test_links_are_read_and_what_they_lead_to_stays(tmp_path: Path, records: Path) -> None:
    skill, shared = make_skill(tmp_path), tmp_path / "elsewhere"
    shared.mkdir()
    (skill / "SKILL.md").rename(shared / "main.md")
    (skill / "SKILL.md").symlink_to(os.path.relpath(shared / "main.md", skill))
    (skill / "references").mkdir()
    (shared / "dates.md").write_text("# Dates\n\nKeep them.\n")
    (skill / "references" / "dates.md").symlink_to(shared / "dates.md")
    (skill / "gone.md").symlink_to(shared / "nothing.md")
    loaded = Skill.load(skill)
    assert loaded.files["SKILL.md"] == SKILL
    assert loaded.files["references/dates.md"].startswith("# Dates")
    assert loaded.other_files == ("gone.md",)
    assert run(skill, records, Author()) == 0
    assert (shared / "main.md").read_text() == SKILL
    assert "look twice" in (skill / "SKILL.md").read_text()
    assert (skill / "references" / "dates.md").is_symlink()
    [copy] = list_backups(skill)
    (shared / "main.md").unlink()
    restore(skill, copy)
    assert (skill / "SKILL.md").read_text() == SKILL


def test_the_history_of_a_checkout_is_no_part_of_the_skill(skill: Path, records: Path) -> None:
    git(skill, "init", "-q")
    git(skill, "add", ".")
    git(skill, "commit", "-qm", "one")
    before = Skill.load(skill)
    assert not any(path.startswith(".git") for path in [*before.files, *before.other_files])
    os.utime(skill / "SKILL.md", (1, 1))
    git(skill, "status")
    git(skill, "commit", "-qm", "empty", "--allow-empty")
    assert Skill.load(skill).digest == before.digest
    earlier = backup(skill)
    assert not (earlier / ".git").exists()
    assert run(skill, records, Author()) == 0
    git(skill, "commit", "-qam", "evolved")
    restore(skill, earlier)
    assert git(skill, "log", "--format=%s").split() == ["evolved", "empty", "one"]
    assert "SKILL.md" in git(skill, "status", "-s")


def test_a_skill_that_changed_meanwhile_is_not_overwritten(skill: Path, records: Path) -> None:
    def edits_by_hand(role: str, number: int, _: object) -> None:
        if role == "merge":
            (skill / "SKILL.md").write_text(SKILL + "\nBy hand.\n")

    assert run(skill, records, Author(edits_by_hand)) == NOT_WRITTEN
    assert (skill / "SKILL.md").read_text() == SKILL + "\nBy hand.\n"
    assert "was changed while" in json.dumps(summary_of(skill))
    assert "look twice" in (intermediates_of(skill) / "applied_diffs.patch").read_text()
    assert run(skill, records, Author()) == 0
    assert "By hand." in (skill / "SKILL.md").read_text()


def test_one_skill_is_evolved_by_one_start_at_a_time(
    tmp_path: Path, skill: Path, records: Path
) -> None:
    job = job_of(skill, records, "--intermediates-dir", str(tmp_path / "second"))
    author = Author()
    with only_editor(skill), pytest.raises(ContractError, match=f"{skill} is being worked on"):
        asyncio.run(carry_out(job, author))
    assert author.calls == {}


NAMES = {
    "a long name": f"references/{'a' * 300}.md",
    "a long folder": f"references/{'a' * 300}/b.md",
    "below a new file": "references/new.md/b.md",
    "below an old file": "references/old.md/b.md",
    "an old folder": "references/deep.md",
    "a picture": "references/picture.md",
    "below a link": "references/linked/b.md",
    "a line break": "references/a\nb.md",
    "a line separator": "references/a\u2028b.md",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_cannot_be_costs_its_own_edit_alone(
    tmp_path: Path, skill: Path, name: str
) -> None:
    references = skill / "references"
    (references / "deep.md").mkdir(parents=True)
    (references / "deep.md" / "x.md").write_text("# X\n\nDeep.\n")
    (references / "old.md").write_text("# Old\n\nThere.\n")
    (references / "picture.md").write_bytes(b"\x89PNG\xff")
    (tmp_path / "far").mkdir()
    (references / "linked").symlink_to(tmp_path / "far")
    path = NAMES[name]
    new = [
        {**LESSON, "content": "- On new work open [new](references/new.md)."},
        {"file": "references/new.md", "op": "create", "content": "# New\n\nText.\n"},
        {**LESSON, "content": f"- On odd work open [it]({path})."},
        {"file": path, "op": "create", "content": "# Odd\n\nText.\n"},
    ]
    reply = "```json\n" + json.dumps({"reasoning": "", "edits": new}) + "\n```"
    records = make_records(tmp_path / "one.json", 1)
    assert run(skill, records, Author(lambda *_: reply)) == 0
    assert (references / "new.md").read_text() == "# New\n\nText.\n"
    assert (references / "picture.md").read_bytes() == b"\x89PNG\xff"
    assert list((tmp_path / "far").iterdir()) == []
    assert "odd work" not in (skill / "SKILL.md").read_text()
    assert summary_of(skill)["dropped"]


def test_writing_replaces_a_link_and_keeps_its_target(tmp_path: Path, skill: Path) -> None:
    (tmp_path / "target.md").write_text("theirs\n")
    (skill / "notes.md").symlink_to(tmp_path / "target.md")
    write_skill(skill, {**Skill.load(skill).files, "notes.md": "ours\n"})
    assert (tmp_path / "target.md").read_text() == "theirs\n"
    assert (skill / "notes.md").read_text() == "ours\n"
